#pragma once

#include <functional>
#include <optional>

#include "core/base/registers.h"
#include "core/kernel/freebsd/per_cpu.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// The processors and what each was running. `crashed_tid`: the thread on which the kernel died,
/// where that is known. `registers`: those that a processor saved when it stopped.
Result<void> read_cpus(
    Evidence& evidence, std::optional<std::uint64_t> crashed_tid,
    const std::function<std::optional<Registers>(std::uint64_t cpu, bool crashed)>& registers,
    const Visitor<Processor>& visit, Notes& notes);

/// Threads in a processor's run queue (of ULE, sys/kern/sched_ule.c). Errors: `no_symbol` with
/// another scheduler, `no_type`, those of a read.
Result<std::uint64_t> runnable_threads(Evidence& evidence, const Cpu& cpu);

}  // namespace panicroom::freebsd
