#pragma once

#include <memory>

#include "core/kernel/dragonfly/evidence.h"
#include "core/kernel/linker_files.h"

namespace panicroom::dragonfly {

/// The kernel file's symbols with those that the kernel keeps of its modules (struct elf_file of
/// sys/kern/link_elf_obj.c). `modules` outlives the table.
std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const LinkedModules& modules, Notes& notes);

}  // namespace panicroom::dragonfly
