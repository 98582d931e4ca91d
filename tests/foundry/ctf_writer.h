#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/foundry/image.h"

namespace foundry {

struct CtfStyle {
  unsigned version = 3;  ///< 2 (illumos, older FreeBSD) or 3 (FreeBSD 14)
  bool big = false;      ///< byte order
  bool compressed = false;
  std::string parent;  ///< not empty: a module's, whose own types' numbers have the highest bit set
};

/// Writes CTF blobs (layout: FreeBSD sys/sys/ctf.h and its manual page ctf(5)). Each function
/// answers the new type's number.
class CtfWriter {
 public:
  struct Member {
    std::string name;  ///< empty for an anonymous structure
    unsigned type = 0;
    std::uint64_t bit_offset = 0;
  };

  explicit CtfWriter(CtfStyle style = {});

  /// An integer; fewer bits than its bytes hold make a bit-field's.
  unsigned integer(const std::string& name, unsigned bytes, unsigned encoding, unsigned bits,
                   bool root = true);
  unsigned floating(const std::string& name, unsigned bytes);
  unsigned array(unsigned element, unsigned index, unsigned count);
  unsigned function(unsigned returns, std::vector<unsigned> arguments, bool variadic = false);
  unsigned structure(const std::string& name, std::uint64_t bytes,
                     const std::vector<Member>& members, bool is_union = false, bool root = true);
  unsigned enumeration(const std::string& name, unsigned bytes,
                       const std::vector<std::pair<std::string, std::int64_t>>& values);
  /// Kinds of which a reference is all: 3 pointer, 9 forward (to the kind), 10 typedef, 11
  /// volatile, 12 const, 13 restrict.
  unsigned reference(unsigned kind, const std::string& name, unsigned to);

  /// `objects`: the types of the symbol table's objects.
  Blob finish(const std::vector<unsigned>& objects = {}) const;

  static constexpr unsigned is_signed = 1, is_char = 2, is_bool = 4;

 private:
  unsigned string(const std::string& text);
  unsigned start(const std::string& name, unsigned kind, unsigned count, bool root,
                 std::uint64_t size_or_type, bool is_size);
  void number(std::uint64_t value, unsigned width) { append(types_, value, width, style_.big); }
  unsigned id_width() const { return style_.version == 2 ? 2 : 4; }

  CtfStyle style_;
  Blob types_;
  Blob strings_ = Blob(1);
  unsigned parent_name_ = 0;
  unsigned count_ = 0;
};

}  // namespace foundry
