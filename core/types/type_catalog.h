#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace panicroom {

/// Where a member lies in its structure. Offsets and sizes are in bytes; a bit-field has `bit_size`
/// != 0 and its lowest bit at `bit_offset` (0: the least significant) of the integer of `size`
/// bytes at `offset`. `size` is the whole member's: an array's elements have `size / count` bytes
/// each.
struct Member {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t bit_offset = 0;
  std::uint32_t bit_size = 0;
  std::uint64_t count = 1;  ///< elements when the member is an array; 0 for a flexible one
  bool is_signed = false;
};

/// Structures, enumerations and typedefs of one kernel, from whatever the evidence is.
class TypeCatalog {
 public:
  virtual ~TypeCatalog() = default;
  /// For the user: "BTF in the dump".
  virtual std::string_view origin() const = 0;
  /// Size of `struct`, `union` or typedef `name` (without the keyword), bytes. Error: `no_type`.
  virtual Result<std::uint64_t> size_of(std::string_view structure) const = 0;
  /// A member by its path, through anonymous members, nested structures and constant array indices:
  /// ("task_struct", "thread.sp"), ("module", "mem[0].base"). Error: `no_type` naming what is
  /// unknown.
  virtual Result<Member> member(std::string_view structure, std::string_view path) const = 0;
  /// An enumerator's value.
  virtual Result<std::int64_t> enumerator(std::string_view name) const = 0;
};

}  // namespace panicroom
