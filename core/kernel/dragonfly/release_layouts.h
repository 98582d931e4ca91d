#pragma once

#include <cstdint>
#include <span>

#include "core/kernel/release_layout.h"

namespace panicroom::dragonfly {

/// Ascending; versions are values of osreldate.
std::span<const ReleaseLayout* const> release_layouts();

/// That of the nearest release not newer than a kernel of DragonFly 5, which is the kernel's own
/// where it holds `osreldate`. Null where none is near.
const ReleaseLayout* nearest_layout(std::uint64_t osreldate);

}  // namespace panicroom::dragonfly
