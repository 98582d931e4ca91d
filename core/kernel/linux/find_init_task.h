#pragma once

#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/tasks.h"

namespace panicroom::linux_kernel {

/// Looks for init_task, the first processor's idle task and head of the list of all tasks, in the
/// kernel's image, for kernels whose symbols do not name it (no CONFIG_KALLSYMS_ALL): it is called
/// "swapper", has pid and thread group 0, is its own parent, and the list leads back to it. Errors:
/// `no_symbol` when nothing is all of that.
Result<std::uint64_t> find_init_task(Evidence& evidence, const TaskLayout& layout);

}  // namespace panicroom::linux_kernel
