#pragma once

#include <memory>
#include <string_view>

#include "core/arch/page_table.h"
#include "core/kernel/illumos/evidence.h"

namespace panicroom::illumos {

/// The symbols of unix, genunix and all modules: the dump's own ksyms; else those of unix.N. Null
/// where there are none.
std::shared_ptr<const SymbolTable> symbols_of(const KernelInputs& inputs, Notes& notes);

/// The kernel's translation: the dump's own map, of the struct as that the symbol kas names; of an
/// emulator's memory image the page tables that a processor used, in which the kernel's variables
/// can be read. Null when the dump shows no sign of illumos.
Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SymbolTable* symbols);

/// Errors: `unmapped` (a kernel process), `not_in_dump` (the dump holds none of its pages),
/// `no_type`, `unsupported`.
Result<std::unique_ptr<AddressSpace>> process_memory(Evidence& evidence, const Process& process);

/// True for the functions that a thread passes when it leaves its processor to sleep
/// (uts/common/disp/disp.c, uts/common/os/condvar.c, turnstile.c, rwlock.c, semaphore.c).
bool is_of_dispatcher(std::string_view function);

}  // namespace panicroom::illumos
