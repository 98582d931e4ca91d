#pragma once

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// The kernel and its modules as kldstat(8) lists them: linker_files, in the order of loading.
Result<void> read_loaded_modules(Evidence& evidence, const Visitor<LoadedModule>& visit,
                                 Notes& notes);

}  // namespace panicroom::freebsd
