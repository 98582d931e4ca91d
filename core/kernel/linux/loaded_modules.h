#pragma once

#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// The modules as /proc/modules lists them, the newest first.
Result<void> read_loaded_modules(Evidence& evidence, const Visitor<LoadedModule>& visit,
                                 Notes& notes);

}  // namespace panicroom::linux_kernel
