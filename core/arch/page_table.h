#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/dump/dump.h"

namespace panicroom {

/// What page-table walkers read entries through; AddressSpace gives them its cached reader. Answers
/// `not_in_dump` for a table page that the dump lacks.
class PhysicalWords {
 public:
  virtual ~PhysicalWords() = default;
  /// An integer of 4 or 8 bytes in the machine's byte order.
  virtual Result<std::uint64_t> word(std::uint64_t physical_address, unsigned width) = 0;
};

/// One step of a translation: an entry that was read, or a rule that was applied.
struct TranslationStep {
  std::string_view
      table;  ///< "PML4", "PDPT", "PD", "PT", "level 2 table", "minidump page map", "direct map"
  std::uint64_t index = 0;                     ///< of the entry in its table
  std::optional<std::uint64_t> entry_address;  ///< physical address of the entry
  std::optional<std::uint64_t>
      entry_offset;         ///< file offset of the entry, for maps that lie outside memory
  std::uint64_t entry = 0;  ///< the entry's raw value (0 for a rule)
  std::string meaning;      ///< "table at 0x1234000", "2 MiB page at 0x...", "not present"
};

struct Translation {
  std::uint64_t physical = 0;   ///< of the very byte asked for
  std::uint64_t page_size = 0;  ///< bytes of the mapping that holds it; never 0
  bool writable = true;
  bool executable = true;
  bool user = false;
};

/// Translates virtual addresses of one address space. Stateless and immutable: the state is in
/// `words`.
class PageTable {
 public:
  virtual ~PageTable() = default;
  /// `steps`, when given, receives each step in order, also before an error. Errors: `unmapped` (no
  /// mapping, not canonical), `not_in_dump` (a table's page is missing), `corrupt` (an entry that
  /// cannot be).
  virtual Result<Translation> walk(std::uint64_t virtual_address, PhysicalWords& words,
                                   std::vector<TranslationStep>* steps) const = 0;
  /// "x86_64, 4 levels", for the `dump` table.
  virtual std::string describe() const = 0;
};

/// x86 page tables. `root` is CR3 as the processor or kernel had it; its flag bits are masked off.
/// `encryption_mask` is AMD SME's C-bit (Linux sme_mask) or 0. `pae_directories`: the root is that
/// of the four page directories of PAE, side by side (NetBSD's kernel cores).
enum class X86Mode : std::uint8_t { two_level, pae, pae_directories, four_level, five_level };
std::unique_ptr<PageTable> x86_page_table(X86Mode mode, std::uint64_t root,
                                          std::uint64_t encryption_mask = 0);

/// AArch64 translation tables of one half of the address space (TTBR0: user, TTBR1: kernel).
struct Aarch64Regime {
  std::uint64_t root = 0;       ///< physical address of the first table (BADDR)
  unsigned granule_shift = 12;  ///< 12, 14 or 16
  unsigned va_bits = 48;        ///< 64 - TxSZ
  bool large_pa = false;        ///< LPA (64 KiB) or LPA2 (4 and 16 KiB with TCR.DS): 52-bit output
  bool upper_half = true;       ///< the kernel's half: addresses must be sign-extended ones
};
std::unique_ptr<PageTable> aarch64_page_table(const Aarch64Regime& regime);

/// The page map of a minidump of FreeBSD (amd64 v1-v3, i386, arm64) or DragonFly (x86_64 v1, v2)
/// with its direct map.
Result<std::unique_ptr<PageTable>> minidump_page_table(const MinidumpMap& map,
                                                       const Machine& machine);

/// The translation map of an illumos dump, of the address space whose `struct as` lies at `as` in
/// the kernel's memory. Its steps name the entries of the map and where they lie in the file.
std::unique_ptr<PageTable> illumos_page_table(const IllumosDump& dump, std::uint64_t as);

/// A fixed linear rule [start, end) -> physical, for example Linux's kernel image or a proved
/// direct map.
struct LinearRange {
  std::uint64_t start = 0;     ///< virtual, inclusive
  std::uint64_t last = 0;      ///< virtual, inclusive
  std::uint64_t physical = 0;  ///< of `start`; wraps, so that a negative base works
  std::string_view what;       ///< "direct map", "kernel image"
};
/// Tries the ranges in order, then `fallback` (may be null).
std::unique_ptr<PageTable> linear_page_table(std::vector<LinearRange> ranges,
                                             std::unique_ptr<PageTable> fallback);

}  // namespace panicroom
