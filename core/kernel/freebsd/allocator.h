#pragma once

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// The zones of the kernel's allocator (UMA), as vmstat -z lists them: those of each keg, then
/// those that only cache what others give out.
Result<void> read_object_caches(Evidence& evidence, const Visitor<ObjectCache>& visit,
                                Notes& notes);

}  // namespace panicroom::freebsd
