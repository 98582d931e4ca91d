// Layouts: Intel SDM volume 3A, chapter 4 (Paging), tables 4-3 to 4-20; AMD APM volume 2, 5.2-5.5
// and 7.10 (the SME C-bit).
#include <array>
#include <span>

#include "core/arch/page_table.h"
#include "core/arch/table_entry.h"
#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::uint64_t present = 1U << 0;
constexpr std::uint64_t read_write = 1U << 1;
constexpr std::uint64_t user_access = 1U << 2;
/// Only above the last level: there the same bit is the PAT bit.
constexpr std::uint64_t page_size_bit = 1U << 7;
constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
constexpr std::uint64_t frame_bits = 0x000ffffffffff000;

struct Level {
  std::string_view table;
  unsigned shift;    ///< of the lowest address bit that the index covers
  unsigned bits;     ///< of the index
  bool may_be_page;  ///< the PS bit is allowed
};

constexpr std::array<Level, 5> long_mode_levels = {{{"PML5", 48, 9, false},
                                                    {"PML4", 39, 9, false},
                                                    {"PDPT", 30, 9, true},
                                                    {"PD", 21, 9, true},
                                                    {"PT", 12, 9, false}}};
constexpr std::array<Level, 3> pae_levels = {
    {{"PDPT", 30, 2, false}, {"PD", 21, 9, true}, {"PT", 12, 9, false}}};
constexpr std::array<Level, 2> pae_directory_levels = {
    {{"PD", 21, 11, true}, {"PT", 12, 9, false}}};

constexpr std::uint64_t ones(unsigned bits) { return (std::uint64_t{1} << bits) - 1; }

constexpr std::uint64_t index_at(std::uint64_t address, const Level& level) {
  return (address >> level.shift) & ones(level.bits);
}

/// PAE, 4 and 5 levels: entries of eight bytes.
class WideX86Table final : public PageTable {
 public:
  WideX86Table(X86Mode mode, std::uint64_t root, std::uint64_t encryption_mask)
      : mode_(mode), frame_(frame_bits & ~encryption_mask) {
    switch (mode) {
      case X86Mode::five_level:
        levels_ = long_mode_levels;
        break;
      case X86Mode::four_level:
        levels_ = std::span(long_mode_levels).subspan(1);
        break;
      case X86Mode::pae_directories:
        levels_ = pae_directory_levels;
        break;
      default:
        levels_ = pae_levels;
        break;
    }
    // The four PAE page-directory pointers need only be aligned to 32 bytes, below 4 GiB.
    root_ = mode == X86Mode::pae ? root & 0xffffffe0 : root & frame_;
  }

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    const bool pae = mode_ == X86Mode::pae || mode_ == X86Mode::pae_directories;
    if (pae) {
      if (address > 0xffffffff) return walk.unmapped("the address has more than 32 bits");
    } else if (sign_extend(address, address_bits()) != address) {
      return walk.unmapped(mode_ == X86Mode::five_level
                               ? "not a canonical address: bits 63 to 56 differ"
                               : "not a canonical address: bits 63 to 47 differ");
    }
    std::uint64_t table = root_;
    bool writable = true;
    bool user = true;
    bool executable = true;
    for (const Level& level : levels_) {
      PANICROOM_TRY(entry, walk.entry(level.table, table, index_at(address, level), 8));
      if ((entry & present) == 0) return walk.not_present();
      if (pae) {
        if ((entry & 0x7ff0000000000000) != 0)
          return walk.corrupt("reserved bits 62 to 52 are set");
        // The page-directory pointers carry no access rights. Bit 5 is reserved too, but QEMU's
        // emulated processors mark them as accessed with it.
        if (level.shift == 30) {
          if ((entry & (no_execute | 0x1c6)) != 0) return walk.corrupt("reserved bits are set");
          table = entry & frame_;
          walk.goes_to_table(table);
          continue;
        }
      }
      writable = writable && (entry & read_write) != 0;
      user = user && (entry & user_access) != 0;
      executable = executable && (entry & no_execute) == 0;
      const bool last = level.shift == 12;
      if (!last && (entry & page_size_bit) != 0) {
        if (!level.may_be_page) return walk.corrupt("the page-size bit is set at this level");
        // Bit 12 of a large page's entry is its PAT bit.
        const std::uint64_t within = ones(level.shift);
        if ((entry & frame_ & within & ~std::uint64_t{0x1000}) != 0) {
          return walk.corrupt("the large page is not aligned to its size");
        }
        return walk.page((entry & frame_ & ~within) | (address & within), within + 1, writable,
                         executable, user);
      }
      table = entry & frame_;
      if (!last) walk.goes_to_table(table);
    }
    return walk.page(table | (address & 0xfff), 0x1000, writable, executable, user);
  }

  std::string describe() const override {
    switch (mode_) {
      case X86Mode::five_level:
        return "x86_64, 5 levels";
      case X86Mode::four_level:
        return "x86_64, 4 levels";
      default:
        return "i386, PAE";
    }
  }

 private:
  unsigned address_bits() const { return mode_ == X86Mode::five_level ? 57 : 48; }

  X86Mode mode_;
  std::uint64_t frame_;
  std::uint64_t root_ = 0;
  std::span<const Level> levels_;
};

/// The i386's own two levels, with 4 MiB pages anywhere in the first TiB (PSE-36).
class TwoLevelX86Table final : public PageTable {
 public:
  explicit TwoLevelX86Table(std::uint64_t root) : root_(root & 0xfffff000) {}

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    if (address > 0xffffffff) return walk.unmapped("the address has more than 32 bits");
    PANICROOM_TRY(directory, walk.entry("PD", root_, address >> 22, 4));
    if ((directory & present) == 0) return walk.not_present();
    bool writable = (directory & read_write) != 0;
    bool user = (directory & user_access) != 0;
    if ((directory & page_size_bit) != 0) {
      if ((directory & (1U << 21)) != 0) return walk.corrupt("reserved bit 21 is set");
      const std::uint64_t high = (directory >> 13) & 0xff;
      const std::uint64_t frame = (directory & 0xffc00000) | high << 32;
      return walk.page(frame | (address & 0x3fffff), 0x400000, writable, true, user);
    }
    const std::uint64_t table = directory & 0xfffff000;
    walk.goes_to_table(table);
    PANICROOM_TRY(entry, walk.entry("PT", table, (address >> 12) & 0x3ff, 4));
    if ((entry & present) == 0) return walk.not_present();
    writable = writable && (entry & read_write) != 0;
    user = user && (entry & user_access) != 0;
    return walk.page((entry & 0xfffff000) | (address & 0xfff), 0x1000, writable, true, user);
  }

  std::string describe() const override { return "i386, 2 levels"; }

 private:
  std::uint64_t root_;
};

}  // namespace

std::unique_ptr<PageTable> x86_page_table(X86Mode mode, std::uint64_t root,
                                          std::uint64_t encryption_mask) {
  if (mode == X86Mode::two_level) return std::make_unique<TwoLevelX86Table>(root);
  return std::make_unique<WideX86Table>(mode, root, encryption_mask);
}

}  // namespace panicroom
