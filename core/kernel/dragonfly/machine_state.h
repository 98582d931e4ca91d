#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/kernel/dragonfly/namecache.h"

namespace panicroom::dragonfly {

// What belongs to the machine as a whole.

Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes);
/// `count_threads` is asked for the number of threads.
Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes);
Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes);
Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes);

}  // namespace panicroom::dragonfly
