#pragma once

#include "core/kernel/kernel.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// Everything but the crashed thread. What is unknown gets a note.
KernelIdentity read_identity(Evidence& evidence, Notes& notes);

/// The kernel's own words about its death, from the lines of its log: the latest "Kernel panic -
/// not syncing: ..." or, without one, the latest oops.
std::optional<std::string> panic_line(const std::vector<LogLine>& lines);

}  // namespace panicroom::linux_kernel
