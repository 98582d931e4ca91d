#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/kernel/illumos/evidence.h"
#include "core/kernel/illumos/processes.h"

namespace panicroom::illumos {

/// The ring of struct modctls, as modinfo(1M) shows it: what is loaded.
Result<void> read_loaded_modules(Evidence& evidence, const Visitor<LoadedModule>& visit,
                                 Notes& notes);
/// The ring of struct vfs from rootvfs on (uts/common/sys/vfs.h).
Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes);

/// The ring of cpu_ts from cpu_list on (uts/common/sys/cpuvar.h). Errors: `no_symbol`, `no_type`,
/// those of a read.
Result<void> for_each_cpu(Evidence& evidence, const std::function<bool(std::uint64_t)>& visit,
                          Notes& notes);
/// `crashed_cpu`: the number of the processor that brought the system down. `registers`: of the
/// thread at an address.
Result<void> read_cpus(Evidence& evidence, Processes& processes,
                       std::optional<std::int64_t> crashed_cpu,
                       const std::function<std::optional<Registers>(std::uint64_t thread,
                                                                    std::int64_t cpu)>& registers,
                       const Visitor<Processor>& visit, Notes& notes);

/// What uptime(1) says. `count_threads`: by walking them.
Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes);
/// What swap(1M) -l says.
Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes);
/// The counters of memory by the names of the kernel's variables.
Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes);

}  // namespace panicroom::illumos
