#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/kernel/linux/evidence.h"
#include "core/kernel/module_file.h"

namespace panicroom::linux_kernel {

/// Where the sections of a loaded module lie, as /sys/module/NAME/sections tells them. `module`:
/// address of its struct module. Errors: `no_symbol` (the kernel keeps no such list), `no_type`,
/// `corrupt`, those of a read.
Result<std::map<std::string, ModulePlace::Section>> read_module_sections(Evidence& evidence,
                                                                         std::uint64_t module);

}  // namespace panicroom::linux_kernel
