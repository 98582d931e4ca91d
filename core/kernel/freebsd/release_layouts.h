#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/machine.h"
#include "core/types/type_catalog.h"

namespace panicroom::freebsd {

/// A member of a released kernel's structure; with an empty path the structure itself, of which
/// `size` is the size.
struct ReleaseMember {
  std::string_view structure, path;
  std::uint32_t offset = 0;  ///< `absent`: the structure no longer has what that of the base had
  std::uint32_t size = 0;
  bool is_signed = false;
  std::uint8_t bit_offset = 0, bit_size = 0;  ///< as Member's
};
constexpr std::uint32_t absent = UINT32_MAX;

/// Where members lie in a release's GENERIC kernel: the last resort for a kernel file without
/// types. Only what the tables read.
struct ReleaseLayout {
  std::string_view name;  ///< "FreeBSD 12.1 amd64"
  Architecture architecture = Architecture::x86_64;
  std::uint64_t first = 0, last = 0;       ///< values of osreldate that it holds for
  std::span<const ReleaseMember> members;  ///< what it has otherwise than `base`
  const ReleaseLayout* base = nullptr;     ///< null: it has `members` alone

  std::optional<Member> member(std::string_view structure, std::string_view path) const;
};

/// The one for a kernel; null where none is built in.
const ReleaseLayout* release_layout(Architecture architecture, std::uint64_t osreldate);

/// That of the nearest release of the same stable branch, where none is built in for the kernel
/// itself: a branch keeps most structures as modules know them. Null for a kernel that is older
/// than its branch.
const ReleaseLayout* branch_layout(Architecture architecture, std::uint64_t osreldate);

/// As release_layout, of the structures that belong to the machine as a whole (modules, mounts,
/// processors, memory, the allocator, interrupts, sysctl variables), which have changed more often:
/// of releases alone.
const ReleaseLayout* release_machine_layout(Architecture architecture, std::uint64_t osreldate);

/// All that are built in, ascending: of processes and what they hold, and of the machine.
std::span<const ReleaseLayout* const> process_layouts();
std::span<const ReleaseLayout* const> machine_layouts();

}  // namespace panicroom::freebsd
