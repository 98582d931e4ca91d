#pragma once

#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// What uptime(1) and top(1) say.
Result<Load> read_load(Evidence& evidence, Notes& notes);
/// What swapctl(8) says.
Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes);
/// The counters of memory by the names that struct uvmexp has for them.
Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes);
/// The lines of the message buffer, oldest first; where there is none, those of the console's.
Result<void> read_log(Evidence& evidence, const LogVisitor& visit, Notes& notes);

}  // namespace panicroom::openbsd
