#pragma once

#include <string>
#include <vector>

#include "tests/foundry/image.h"

namespace foundry {

/// Writes BTF blobs (layout: Linux include/uapi/linux/btf.h). Types get the numbers 1, 2, ... in
/// order.
class BtfWriter {
 public:
  struct Member {
    std::string name;  ///< empty for an anonymous structure
    unsigned type = 0;
    unsigned bit_offset = 0;
    unsigned bit_size = 0;  ///< of a bit-field, else 0
  };

  unsigned integer(const std::string& name, unsigned bytes, bool is_signed);
  unsigned pointer(unsigned to);
  unsigned array(unsigned element, unsigned count);
  unsigned structure(const std::string& name, unsigned bytes, const std::vector<Member>& members);
  unsigned type_definition(const std::string& name, unsigned type);
  Blob finish() const;

 private:
  unsigned string(const std::string& text);
  unsigned start(const std::string& name, unsigned kind, unsigned count, bool kind_flag,
                 unsigned size_or_type);

  Blob types_;
  Blob strings_ = Blob(1);
  unsigned count_ = 0;
};

}  // namespace foundry
