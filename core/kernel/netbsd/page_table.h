#pragma once

#include <cstdint>
#include <memory>

#include "core/arch/page_table.h"
#include "core/dump/dump.h"
#include "core/symbols/symbol_table.h"

namespace panicroom::netbsd {

/// The translation of the kernel's addresses: by the roots that a kernel core's header tells, or of
/// a memory image by the processors' registers, where the kernel file's symbols then show NetBSD.
/// Null where nothing tells them.
std::unique_ptr<PageTable> find_page_table(const Dump& dump, const SymbolTable* symbols);

/// That of a process, whose root is what its pmap has: on aarch64 its lower half alone. Error:
/// `unsupported`.
Result<std::unique_ptr<PageTable>> process_page_table(const Dump& dump, std::uint64_t root);

}  // namespace panicroom::netbsd
