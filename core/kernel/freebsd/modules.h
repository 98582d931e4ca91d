#pragma once

#include <memory>

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"
#include "core/kernel/linker_files.h"

namespace panicroom::freebsd {

/// The kernel file's symbols with those that the kernel keeps of its modules (struct elf_file of
/// sys/kern/link_elf_obj.c on amd64, of link_elf.c elsewhere). `modules` outlives the table.
std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const LinkedModules& modules, Notes& notes);

}  // namespace panicroom::freebsd
