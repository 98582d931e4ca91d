#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/machine.h"
#include "core/types/type_catalog.h"

namespace panicroom {

/// A member of a released kernel's structure; with an empty path the structure itself, of which
/// `size` is the size.
struct ReleaseMember {
  std::string_view structure, path;
  std::uint32_t offset = 0;  ///< `not_there`: the structure no longer has what that of the base had
  std::uint32_t size = 0;
  bool is_signed = false;
  std::uint8_t bit_offset = 0, bit_size = 0;  ///< as Member's
};
constexpr std::uint32_t not_there = UINT32_MAX;

/// Where members lie in a release's GENERIC kernel: the last resort for a kernel file without
/// types. Only what the tables read.
struct ReleaseLayout {
  std::string_view name;  ///< "FreeBSD 12.1 amd64"
  Architecture architecture = Architecture::x86_64;
  std::uint64_t first = 0, last = 0;  ///< versions of the system's own counting, both inclusive
  std::span<const ReleaseMember> members;  ///< what it has otherwise than `base`
  const ReleaseLayout* base = nullptr;     ///< null: it has `members` alone

  std::optional<Member> member(std::string_view structure, std::string_view path) const;
};

/// The one of `known` that holds for a kernel; null where none does.
const ReleaseLayout* find_layout(std::span<const ReleaseLayout* const> known,
                                 Architecture architecture, std::uint64_t version);

}  // namespace panicroom
