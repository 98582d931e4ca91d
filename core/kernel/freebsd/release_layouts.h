#pragma once

#include <cstdint>
#include <span>

#include "core/base/machine.h"
#include "core/kernel/release_layout.h"

namespace panicroom::freebsd {

/// The one for a kernel of that osreldate; null where none is built in.
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
