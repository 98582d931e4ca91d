#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/base/registers.h"
#include "core/dump/dump.h"
#include "core/memory/address_space.h"
#include "core/symbols/symbol_table.h"

namespace panicroom::freebsd {

/// The integer that a kernel variable of `size` bytes held. Errors: `no_symbol`, or why it cannot
/// be read.
Result<std::uint64_t> variable(AddressSpace& kernel, const SymbolTable* symbols,
                               std::string_view name, std::uint64_t size);
/// The same as an address: the variable's own place, not its value.
Result<std::uint64_t> address_of(const SymbolTable* symbols, std::string_view name);

/// Offsets within struct proc and struct thread that FreeBSD's kernel exports for debuggers as
/// read-only int variables (sys/kern/kern_proc.c and kern_thread.c: proc_off_p_pid,
/// thread_off_td_tid, ...). Each is a small number; anything else is `corrupt`.
struct Offsets {
  std::uint64_t p_pid = 0, p_comm = 0, p_list = 0, p_threads = 0;
  std::uint64_t td_tid = 0, td_name = 0, td_oncpu = 0, td_pcb = 0, td_plist = 0;
  std::uint64_t pcb_size = 0;
  std::uint64_t td_oncpu_size = 4;  ///< bytes: an int since FreeBSD 11, one byte before
};
Result<Offsets> read_offsets(AddressSpace& kernel, const SymbolTable* symbols);

/// The registers in the struct pcb at `address`. `osreldate` selects arm64's layout (it changed in
/// FreeBSD 14); unknown there means `unsupported`.
Result<Registers> read_pcb(AddressSpace& kernel, std::uint64_t address,
                           std::optional<std::uint64_t> osreldate);

/// The translation of a FreeBSD dump: a minidump's own map, or the page tables of a full dump,
/// whose root the kernel file's symbols name. Null when the dump shows no sign of FreeBSD.
Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SymbolTable* symbols);

}  // namespace panicroom::freebsd
