#pragma once

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// What vmstat -ia says: every counter of interrupts that has a name.
Result<void> read_interrupts(Evidence& evidence, const Visitor<Interrupt>& visit, Notes& notes);

}  // namespace panicroom::freebsd
