#include "core/kernel/netbsd/page_table.h"

#include <fmt/format.h>

#include "core/kernel/kernel_tables.h"
#include "core/kernel/root_symbols.h"
#include "core/memory/address_space.h"

// Sources, read as facts: NetBSD sys/arch/{amd64,i386,aarch64}/include/kcore.h and the dump code
// that fills them; Arm Architecture Reference Manual, TCR_EL1 and TTBR1_EL1.

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t cr4_pae = 1U << 5U;

/// Bits that the header has beside the address: the number of the address space (63:48) and CnP.
constexpr std::uint64_t table_address = 0x0000fffffffffffe;

unsigned granule_shift(std::uint64_t tcr1) {
  switch ((tcr1 >> 30) & 3) {  // TG1
    case 1:
      return 14;
    case 3:
      return 16;
    default:
      return 12;
  }
}

/// T1SZ says how many bits of an address are not translated; all else follows from it.
Aarch64Regime regime_of(std::uint64_t tcr1, std::uint64_t ttbr1) {
  Aarch64Regime regime;
  regime.granule_shift = granule_shift(tcr1);
  regime.va_bits = 64 - static_cast<unsigned>((tcr1 >> 16) & 0x3f);
  regime.root = ttbr1 & table_address;
  return regime;
}

bool can_be(const Aarch64Regime& regime) {
  return regime.va_bits > regime.granule_shift && regime.va_bits <= 52;
}

std::unique_ptr<PageTable> by_header(const KcoreHeader& header, Architecture architecture) {
  if (architecture == Architecture::aarch64) {
    if (!header.tcr1 || !header.ttbr1) return nullptr;
    const Aarch64Regime regime = regime_of(*header.tcr1, *header.ttbr1);
    return can_be(regime) ? aarch64_page_table(regime) : nullptr;
  }
  if (!header.page_table_root) return nullptr;
  if (architecture == Architecture::x86_64)
    return x86_page_table(X86Mode::four_level, *header.page_table_root);
  return x86_page_table(header.pae ? X86Mode::pae_directories : X86Mode::two_level,
                        *header.page_table_root);
}

/// The kernel's own words at their symbol show that a root is right.
bool shows_netbsd(const Dump& dump, std::shared_ptr<const PageTable> table,
                  const SymbolTable& symbols) {
  const auto version = symbols.find("version");
  if (!version) return false;
  AddressSpace memory(dump.memory, dump.machine, std::move(table));
  const auto text = memory.string(version->address, 7);
  return text && *text == "NetBSD ";
}

std::unique_ptr<PageTable> by_registers(const Dump& dump, const SymbolTable& symbols) {
  const Architecture architecture = dump.machine.architecture;
  for (const CpuState& cpu : dump.cpus) {
    const auto cr3 = cpu.registers.find("cr3"), cr4 = cpu.registers.find("cr4");
    if (!cr3) continue;
    const X86Mode mode = architecture == Architecture::x86_64 ? X86Mode::four_level
                         : cr4 && (*cr4 & cr4_pae) != 0       ? X86Mode::pae
                                                              : X86Mode::two_level;
    if (shows_netbsd(dump, x86_page_table(mode, *cr3), symbols)) return x86_page_table(mode, *cr3);
  }
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SystemKernel& kernel,
                                                   Notes& notes) {
  if (dump.kcore) {
    auto table = by_header(*dump.kcore, dump.machine.architecture);
    if (table && kernel.symbols &&
        !shows_netbsd(dump, by_header(*dump.kcore, dump.machine.architecture), *kernel.symbols))
      notes.add(Note{ErrorCode::invalid,
                     fmt::format("{} may not be the kernel of this dump: where it has the variable "
                                 "version, the dump has no words of NetBSD's; give the kernel that "
                                 "died (savecore keeps it as netbsd.N)",
                                 kernel.symbols->origin()),
                     std::nullopt});
    return table;
  }
  if (!kernel.symbols) return nullptr;
  if (auto table = by_registers(dump, *kernel.symbols)) return table;
  auto found = find_kernel_tables(dump, kernel, System::netbsd);
  if (!found) return Failure(found.error());
  if (found->remark) notes.add(*found->remark);
  return std::move(found->table);
}

Result<std::unique_ptr<PageTable>> process_page_table(const Dump& dump, std::uint64_t root) {
  switch (dump.machine.architecture) {
    case Architecture::x86_64:
      return x86_page_table(X86Mode::four_level, root);
    case Architecture::i386:
      if (!dump.kcore || dump.kcore->pae)
        return fail(ErrorCode::unsupported,
                    "the page tables of a process are not read on i386 with PAE, whose four of a "
                    "process need not lie side by side, or from an image of memory, which does not "
                    "say whether there is PAE");
      return x86_page_table(X86Mode::two_level, root);
    case Architecture::aarch64: {
      // An image of memory does not tell; NetBSD has 48 bits and pages of 4 KiB.
      const std::uint64_t tcr =
          dump.kcore && dump.kcore->tcr1 ? *dump.kcore->tcr1 : std::uint64_t{0x80100010};
      Aarch64Regime regime = regime_of(tcr, root);
      regime.va_bits = 64 - static_cast<unsigned>(tcr & 0x3f);  // T0SZ
      regime.upper_half = false;
      if (can_be(regime)) return aarch64_page_table(regime);
      break;
    }
    default:
      break;
  }
  return fail(ErrorCode::unsupported, fmt::format("the page tables of a process are not read on {}",
                                                  name(dump.machine.architecture)));
}

}  // namespace panicroom::netbsd
