#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/types/type_graph.h"

namespace panicroom {

/// One line of a structure's layout: a member, or bytes or bits that no member has.
struct LayoutLine {
  enum class What : std::uint8_t {
    member,
    opening,  ///< a member of an anonymous type: its own members follow, one level deeper
    closing,  ///< the end of that; it has the member's name
    hole,     ///< bytes that no member has
    bit_hole  ///< bits that no member has
  };
  What what = What::member;
  unsigned depth = 0;            ///< 0: the structure's own
  std::string type;              ///< as C declares it, without the name
  std::string declaration;       ///< with the name; raw bytes
  std::string name;              ///< empty: it has none
  std::uint64_t offset = 0;      ///< bytes from the start of the whole structure
  std::uint64_t size = 0;        ///< bytes; of a bit-field those of its declared type
  std::uint32_t bit_offset = 0;  ///< bit-fields: from the lowest bit at `offset`
  std::uint32_t bit_size = 0;    ///< bits of a bit-field or of a hole in bits, else 0
};

/// What the lines come to.
struct LayoutSum {
  std::uint64_t size = 0;     ///< of the structure, bytes
  std::uint64_t members = 0;  ///< the structure's own
  std::uint64_t holes = 0, hole_bytes = 0;
  std::uint64_t bit_holes = 0, hole_bits = 0;
  std::uint64_t padding = 0;       ///< bytes behind the last member
  std::uint64_t padding_bits = 0;  ///< bits behind a last bit-field, in its unit
};

/// Calls `visit` for each line of a structure or union in order until it answers false. Errors:
/// `no_type` when it is neither, `corrupt`.
Result<LayoutSum> lay_out(TypeRef structure, const std::function<bool(const LayoutLine&)>& visit);

}  // namespace panicroom
