#pragma once

#include <functional>
#include <optional>

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// What top(1)'s first line says. `count_threads`: by walking them, where the kernel has no
/// counter.
Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes);
/// What swapinfo(8) says.
Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes);
/// The counters of memory by the names that sysctl(8) has for them in vm.stats.vm, hw and vfs.
Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes);
/// The domains of physical memory (one without NUMA).
Result<void> read_memory_zones(Evidence& evidence, const Visitor<MemoryZone>& visit, Notes& notes);

/// When the machine had booted and for how long it ran, seconds, by the newest of the timecounter's
/// records (sys/kern/kern_tc.c). Errors: `no_symbol`, `no_type`, those of a read.
struct Clock {
  std::int64_t now = 0;  ///< since 1970
  double uptime = 0;
};
Result<Clock> read_clock(Evidence& evidence);

}  // namespace panicroom::freebsd
