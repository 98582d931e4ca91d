#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/module_file.h"

namespace panicroom::freebsd {

/// Where the sections of a module lie that was loaded from a relocatable file (amd64). `module`:
/// address of its struct linker_file. Errors: `no_type`, `corrupt`, those of a read.
Result<std::map<std::string, ModulePlace::Section>> read_module_sections(Evidence& evidence,
                                                                         std::uint64_t module);

}  // namespace panicroom::freebsd
