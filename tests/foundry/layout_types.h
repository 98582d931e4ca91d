#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// Writes the structures of a layout as C declares them, as CTF: members by their paths, what a
/// path goes through as structures of its own. A system may know better of some.
class LayoutTypes {
 public:
  LayoutTypes(const KernelLayout& layout, const CtfStyle& style);
  virtual ~LayoutTypes() = default;

  Blob write(const Image& image);
  /// Of a structure that has been written.
  unsigned number(const std::string& structure) const { return numbers_.at(structure); }

 protected:
  /// The type of a member or a symbol, where the system has one of its own for it; 0: void.
  virtual std::optional<unsigned> own_type(const KernelLayout::Member& member);
  virtual std::optional<unsigned> own_type(const Symbol& symbol);
  /// What a structure has beside the members of the layout.
  virtual std::vector<CtfWriter::Member> more_members(const std::string& structure);
  /// Where a link of sys/queue.h leads to; by default to anything.
  virtual unsigned linked(const KernelLayout::Member& member);

  KernelLayout layout_;
  unsigned word_;
  CtfWriter ctf_;
  unsigned whole_ = 0, letter_ = 0, index_ = 0, to_anything_ = 0;  ///< int, char, long, void *

 private:
  unsigned structure(const std::string& name, std::uint64_t size,
                     const std::vector<KernelLayout::Member>& members, std::uint64_t base);
  unsigned type_of(const KernelLayout::Member& member);
  unsigned make(const KernelLayout::Member& member, unsigned linked);

  std::map<std::string, unsigned> types_, numbers_;
};

}  // namespace foundry
