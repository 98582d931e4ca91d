#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/machine.h"
#include "core/types/type_catalog.h"

namespace panicroom::freebsd {

/// As ReleaseLayout::member, of the structures that belong to the machine as a whole (modules,
/// mounts, processors, memory, the allocator, interrupts, sysctl variables), which have changed
/// more often: of releases alone.
std::optional<Member> release_machine_member(Architecture architecture, std::uint64_t osreldate,
                                             std::string_view structure, std::string_view path);

}  // namespace panicroom::freebsd
