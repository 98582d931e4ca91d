#pragma once

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// The variables of the sysctl tree in its order: what has no children of its own.
Result<void> read_sysctls(Evidence& evidence, const Visitor<Sysctl>& visit, Notes& notes);

}  // namespace panicroom::freebsd
