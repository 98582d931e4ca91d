#pragma once

#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// The modules on module_list, built in or loaded (sys/sys/module.h).
Result<void> read_modules(Evidence& evidence, const Visitor<LoadedModule>& visit, Notes& notes);

}  // namespace panicroom::netbsd
