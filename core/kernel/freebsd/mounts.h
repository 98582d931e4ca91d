#pragma once

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// What mount(8) says: mountlist, in the order of mounting.
Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes);

}  // namespace panicroom::freebsd
