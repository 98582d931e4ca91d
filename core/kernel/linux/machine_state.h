#pragma once

#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/paths.h"

namespace panicroom::linux_kernel {

/// What /proc/loadavg says.
Result<Load> read_load(Evidence& evidence, const Cpus* cpus, Notes& notes);
/// What /proc/swaps says.
Result<void> read_swap_areas(Evidence& evidence, Paths& paths, const Visitor<SwapArea>& visit,
                             Notes& notes);
/// What /proc/meminfo says, by its names.
Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes);

}  // namespace panicroom::linux_kernel
