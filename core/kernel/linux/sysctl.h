#pragma once

#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// What /proc/sys holds, in its order: the variables of the kernel, then those of the first
/// network, user and IPC namespaces (Linux fs/proc/proc_sysctl.c).
Result<void> read_sysctls(Evidence& evidence, const Visitor<Sysctl>& visit, Notes& notes);

}  // namespace panicroom::linux_kernel
