#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/arch/page_table.h"
#include "core/dump/dump.h"
#include "core/memory/address_space.h"
#include "core/symbols/vmcoreinfo.h"

namespace panicroom::linux_kernel {

/// How the dead kernel's page tables are built and where its own begin.
struct Paging {
  Architecture architecture = Architecture::x86_64;
  X86Mode mode = X86Mode::four_level;
  std::uint64_t encryption_mask = 0;  ///< AMD SME's C-bit
  Aarch64Regime regime;
  std::uint64_t root = 0;  ///< physical address of the kernel's own top-level table
  std::string found_by;    ///< "VMCOREINFO", for messages

  std::unique_ptr<PageTable> kernel_table() const;
  /// A process's address space, whose top-level table is at physical `process_root`.
  std::unique_ptr<PageTable> process_table(std::uint64_t process_root) const;
};

/// Finds the kernel's page tables by VMCOREINFO and proves them: the table must map its own address
/// to itself. Errors: `no_symbol` when VMCOREINFO lacks what it takes, `corrupt` when no candidate
/// is right, `unsupported` for other architectures.
Result<Paging> paging_from_vmcoreinfo(const Vmcoreinfo& info, const Dump& dump);

/// Finds x86 page tables by the control registers in QEMU's notes; proved by the interrupt table,
/// which must be mapped. Errors: `unsupported` when no processor state has them, `corrupt` when
/// none is right.
Result<Paging> paging_from_registers(const Dump& dump);

/// A stretch of kernel memory, run-time addresses.
struct AddressRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< exclusive
};
/// Where the kernel's image is mapped, by its page tables; `stext` is an address within it where
/// one is known. Errors: `unmapped`.
Result<AddressRange> image_range(AddressSpace& kernel, std::optional<std::uint64_t> stext);

/// Searches all physical memory for the page on which the kernel keeps its VMCOREINFO text; there
/// may be stale copies, so `accept` decides. The last resort: it reads the first bytes of every
/// page.
std::optional<Vmcoreinfo> search_vmcoreinfo(const Dump& dump,
                                            const std::function<bool(const Vmcoreinfo&)>& accept);

}  // namespace panicroom::linux_kernel
