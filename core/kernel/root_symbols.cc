#include "core/kernel/root_symbols.h"

#include <array>

namespace panicroom {
namespace {

using Is = RootSymbol::Is;

/// sys/amd64/amd64/pmap.c (KPML5phys is 0 with 4 levels), sys/i386/i386/pmap_base.c (since 13 both
/// are there, and the one that is not used is 0), sys/arm64/arm64/locore.S.
constexpr std::array<RootSymbol, 6> freebsd = {{{"KPML5phys", "five-level"},
                                                {"KPML4phys", "four-level"},
                                                {"IdlePDPT", "pae"},
                                                {"IdlePTD", "two-level"},
                                                {"pagetable_l0_ttbr1", "4k:48", Is::table},
                                                {"pagetable_l0_ttbr1", "16k:48", Is::table}}};

/// sys/platform/pc64/x86_64/pmap.c.
constexpr std::array<RootSymbol, 1> dragonfly = {{{"KPML4phys", "four-level"}}};

/// PDPpaddr: sys/arch/{amd64,i386}/*/locore.S; with PAE it is not the root, which the first
/// processor's struct cpu_info has (ci_pae_l3_pdirpa). sys/arch/aarch64/aarch64/locore.S: the first
/// page for tables is the kernel's level 0.
constexpr std::array<RootSymbol, 4> netbsd = {{{"PDPpaddr", "four-level"},
                                               {"PDPpaddr", "two-level"},
                                               {"cpu_info_primary", "pae", Is::somewhere},
                                               {"ARM_BOOTSTRAP_LxPT", "4k:48", Is::table}}};

/// pm_pdirpa of struct pmap: sys/arch/{amd64,i386}/include/pmap.h; PTDpaddr: i386/locore.s;
/// sys/arch/arm64/arm64/locore.S.
constexpr std::array<RootSymbol, 5> openbsd = {{{"kernel_pmap_store", "four-level", Is::somewhere},
                                                {"PTDpaddr", "two-level"},
                                                {"kernel_pmap_store", "pae", Is::somewhere},
                                                {"kernel_pmap_store", "two-level", Is::somewhere},
                                                {"pagetable_l1_ttbr1", "4k:39", Is::table}}};

/// usr/src/uts/i86pc/ml/kpti_trampolines.s, since 2018: CR3 as the kernel began with it.
constexpr std::array<RootSymbol, 1> illumos = {{{"kpti_safe_cr3", "four-level"}}};

}  // namespace

std::span<const RootSymbol> root_symbols_of(System system) {
  switch (system) {
    case System::freebsd:
      return freebsd;
    case System::dragonfly:
      return dragonfly;
    case System::netbsd:
      return netbsd;
    case System::openbsd:
      return openbsd;
    case System::illumos:
      return illumos;
    case System::linux_kernel:
      break;  // VMCOREINFO and core/kernel/linux/paging.h
  }
  return {};
}

}  // namespace panicroom
