#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/base/registers.h"
#include "core/dump/dump.h"
#include "core/kernel/system_of.h"
#include "core/memory/address_space.h"
#include "core/symbols/symbol_table.h"

namespace panicroom::freebsd {

/// The integer that a kernel variable of `size` bytes held. Errors: `no_symbol`, or why it cannot
/// be read.
Result<std::uint64_t> variable(AddressSpace& kernel, const SymbolTable* symbols,
                               std::string_view name, std::uint64_t size);
/// The same as an address: the variable's own place, not its value.
Result<std::uint64_t> address_of(const SymbolTable* symbols, std::string_view name);

/// The registers in the struct pcb at `address`. `osreldate` selects arm64's layout (it changed in
/// FreeBSD 14); unknown there means `unsupported`.
Result<Registers> read_pcb(AddressSpace& kernel, std::uint64_t address,
                           std::optional<std::uint64_t> osreldate);

/// The translation of a FreeBSD dump: a minidump's own map, or the page tables of a dump of
/// physical memory (a full dump, QEMU's), which the kernel file leads to. Null when the dump shows
/// no sign of FreeBSD.
Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SystemKernel& kernel,
                                                   Notes& notes);

}  // namespace panicroom::freebsd
