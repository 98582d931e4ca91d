#pragma once

#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// What /proc/zoneinfo says of the zones that have memory.
Result<void> read_memory_zones(Evidence& evidence, const Visitor<MemoryZone>& visit, Notes& notes);
/// What /proc/slabinfo says (SLUB).
Result<void> read_object_caches(Evidence& evidence, const Visitor<ObjectCache>& visit,
                                Notes& notes);

}  // namespace panicroom::linux_kernel
