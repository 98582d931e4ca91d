#pragma once

#include <string>
#include <string_view>

namespace foundry {

/// The rows of a layout (see freebsd_layout.cc) for structures that belong to the machine as a
/// whole: modules, mounts, processors, memory, the allocator, interrupts, sysctl.
std::string machine_rows(std::string_view layout);

}  // namespace foundry
