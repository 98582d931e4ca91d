#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/kernel/netbsd/evidence.h"
#include "core/kernel/netbsd/processes.h"

namespace panicroom::netbsd {

/// The time of day and how long the system ran, as the kernel's clock last told them.
struct Clock {
  std::optional<std::int64_t> now;     ///< seconds since 1970
  std::optional<double> uptime, boot;  ///< seconds; since 1970
};
Clock read_clock(Evidence& evidence);

/// `count_threads`: of all processes.
Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes);
/// The lists of swap devices by priority (sys/uvm/uvm_swap.c).
Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes);
/// The counters of struct uvmexp (sys/uvm/uvm_extern.h).
Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes);
/// Every struct cpu_info; `registers`: of the lwp that it ran, where they are known.
Result<void> read_cpus(
    Evidence& evidence, Processes& processes, std::optional<std::uint64_t> crashed_lwp,
    const std::function<std::optional<Registers>(std::uint64_t lwp, std::int64_t cpu)>& registers,
    const Visitor<Processor>& visit, Notes& notes);

}  // namespace panicroom::netbsd
