// Bits: Intel SDM volume 3A, 2.5 (Control Registers).
#include "core/arch/control_registers.h"

namespace panicroom {

std::optional<X86Paging> x86_paging_of(const Registers& registers, Architecture architecture) {
  constexpr std::uint64_t paging = 1U << 31U;                                // CR0.PG
  constexpr std::uint64_t wide_entries = 1U << 5U, five_levels = 1U << 12U;  // CR4.PAE, CR4.LA57
  const auto cr3 = registers.find("cr3"), cr4 = registers.find("cr4");
  if (!cr3 || !cr4 || *cr3 == 0) return std::nullopt;
  // No processor's CR0 is zero (ET is always set): then it was not told.
  const std::uint64_t cr0 = registers.find("cr0").value_or(0);
  if (cr0 != 0 && (cr0 & paging) == 0) return std::nullopt;
  switch (architecture) {
    case Architecture::x86_64:
      return X86Paging{(*cr4 & five_levels) != 0 ? X86Mode::five_level : X86Mode::four_level,
                       *cr3 & 0x000ffffffffff000};
    case Architecture::i386:
      if ((*cr4 & wide_entries) != 0) return X86Paging{X86Mode::pae, *cr3 & 0xffffffe0};
      return X86Paging{X86Mode::two_level, *cr3 & 0xfffff000};
    default:
      return std::nullopt;
  }
}

}  // namespace panicroom
