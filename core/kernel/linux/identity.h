#pragma once

#include "core/kernel/kernel.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// Everything but the crashed thread. What is unknown gets a note.
KernelIdentity read_identity(Evidence& evidence, Notes& notes);

/// The kernel's own words about its death, from the lines of its log: the latest "Kernel panic -
/// not syncing: ..." or, without one, the latest oops.
std::optional<std::string> panic_line(const std::vector<LogLine>& lines);

/// On which thread and processor the kernel says that it died: the first line of the trace that it
/// prints with a panic or an oops, "CPU: 1 PID: 42 Comm: name ..." (kernel/printk, dump_stack.c).
struct Death {
  std::int64_t tid = 0;
  std::int64_t cpu = 0;
  std::string name;  ///< raw bytes
};
std::optional<Death> death_line(const std::vector<LogLine>& lines);
std::optional<Death> death_in_log(Evidence& evidence);

}  // namespace panicroom::linux_kernel
