// Layouts: Arm Architecture Reference Manual for A-profile (DDI 0487), D8.2 and D8.3: the VMSAv8-64
// translation process and its descriptor formats.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/arch/page_table.h"
#include "core/arch/table_entry.h"
#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
/// Bits high..low set.
constexpr std::uint64_t field(unsigned high, unsigned low) {
  return (high == 63 ? ~std::uint64_t{0} : bit(high + 1) - 1) & ~(bit(low) - 1);
}

constexpr std::uint64_t valid = bit(0);
constexpr std::uint64_t table_or_page = bit(1);
// In page and block descriptors:
constexpr std::uint64_t unprivileged_access = bit(6);  ///< AP[1]
constexpr std::uint64_t read_only = bit(7);            ///< AP[2]
/// With hardware's dirty state a page may be read-only only until its first write.
constexpr std::uint64_t dirty_bit_modifier = bit(51);
constexpr std::uint64_t privileged_execute_never = bit(53);
constexpr std::uint64_t unprivileged_execute_never = bit(54);
// In table descriptors, for everything below:
constexpr std::uint64_t table_privileged_execute_never = bit(59);
constexpr std::uint64_t table_unprivileged_execute_never = bit(60);
constexpr std::uint64_t table_no_unprivileged_access = bit(61);
constexpr std::uint64_t table_read_only = bit(62);

constexpr unsigned last_level = 3;

class Aarch64Table final : public PageTable {
 public:
  explicit Aarch64Table(const Aarch64Regime& regime) : regime_(regime) {
    // Bits of the index at each level; the first level has what remains.
    stride_ = regime.granule_shift - 3;
    levels_ = (regime.va_bits - regime.granule_shift + stride_ - 1) / stride_;
    // A table of fewer than eight entries is still aligned to 64 bytes.
    root_ = regime.root & field(51, 6);
  }

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    const std::uint64_t above = address >> regime_.va_bits;
    if (above != (regime_.upper_half ? ~std::uint64_t{0} >> regime_.va_bits : 0)) {
      return walk.unmapped(fmt::format("the address lies outside the {} {} bits",
                                       regime_.upper_half ? "upper" : "lower", regime_.va_bits));
    }
    std::uint64_t table = root_;
    std::uint64_t inherited = 0;
    for (unsigned remaining = levels_; remaining > 0; --remaining) {
      const unsigned shift = regime_.granule_shift + (remaining - 1) * stride_;
      const unsigned top = std::min(shift + stride_, regime_.va_bits);
      const std::uint64_t index = (address >> shift) & (bit(top - shift) - 1);
      const int level = static_cast<int>(last_level) - static_cast<int>(remaining) + 1;
      PANICROOM_TRY(entry, walk.entry(table_name(level), table, index, 8));
      if ((entry & valid) == 0) return walk.not_present();
      const bool last = remaining == 1;
      if (!last && (entry & table_or_page) != 0) {
        inherited |= entry;
        table = output_address(entry, regime_.granule_shift);
        walk.goes_to_table(table);
        continue;
      }
      if (last && (entry & table_or_page) == 0) {
        return walk.corrupt("a block descriptor at the last level");
      }
      if (!last && !may_be_block(level)) {
        return walk.corrupt("a block descriptor at a level that has none");
      }
      const std::uint64_t physical = output_address(entry, shift) | (address & (bit(shift) - 1));
      return rights(walk, physical, bit(shift), entry, inherited);
    }
    return walk.unmapped("the translation has no levels");
  }

  std::string describe() const override {
    return fmt::format("aarch64, {} granule, {} levels, {}-bit addresses{}",
                       size_text(bit(regime_.granule_shift)), levels_, regime_.va_bits,
                       regime_.large_pa ? ", 52-bit physical" : "");
  }

 private:
  static std::string_view table_name(int level) {
    static constexpr std::array<std::string_view, 5> names = {
        "level -1 table", "level 0 table", "level 1 table", "level 2 table", "level 3 table"};
    const int index = level + 1;
    return names[static_cast<std::size_t>(index)];
  }

  bool may_be_block(int level) const {
    if (level == 2) return true;
    switch (regime_.granule_shift) {
      case 12:
        return level == 1 || (level == 0 && regime_.large_pa);
      default:
        return level == 1 && regime_.large_pa;
    }
  }

  /// Where a table, block or page with 2^shift bytes is.
  std::uint64_t output_address(std::uint64_t entry, unsigned shift) const {
    if (!regime_.large_pa) return entry & field(47, shift);
    if (regime_.granule_shift == 16) {
      return (entry & field(47, shift)) | (entry & field(15, 12)) << 36;
    }
    return (entry & field(49, shift)) | (entry & field(9, 8)) << 42;
  }

  Translation rights(TableWalk& walk, std::uint64_t physical, std::uint64_t size,
                     std::uint64_t entry, std::uint64_t inherited) const {
    const bool user =
        (entry & unprivileged_access) != 0 && (inherited & table_no_unprivileged_access) == 0;
    const bool writable = ((entry & read_only) == 0 || (entry & dirty_bit_modifier) != 0) &&
                          (inherited & table_read_only) == 0;
    const bool executable = user ? (entry & unprivileged_execute_never) == 0 &&
                                       (inherited & table_unprivileged_execute_never) == 0
                                 : (entry & privileged_execute_never) == 0 &&
                                       (inherited & table_privileged_execute_never) == 0;
    return walk.page(physical, size, writable, executable, user);
  }

  Aarch64Regime regime_;
  std::uint64_t root_ = 0;
  unsigned stride_ = 9;
  unsigned levels_ = 4;
};

/// What the regimes that no processor has answer: everything is refused with the reason.
class NoTranslation final : public PageTable {
 public:
  explicit NoTranslation(std::string why) : why_(std::move(why)) {}
  Result<Translation> walk(std::uint64_t address, PhysicalWords&,
                           std::vector<TranslationStep>*) const override {
    return fail_at_address(ErrorCode::corrupt, address, why_);
  }
  std::string describe() const override { return why_; }

 private:
  std::string why_;
};

}  // namespace

std::unique_ptr<PageTable> aarch64_page_table(const Aarch64Regime& regime) {
  const bool granule =
      regime.granule_shift == 12 || regime.granule_shift == 14 || regime.granule_shift == 16;
  if (!granule || regime.va_bits < 25 || regime.va_bits > 52) {
    return std::make_unique<NoTranslation>(
        fmt::format("aarch64 has no translation of {}-bit addresses with a granule of 2^{} bytes",
                    regime.va_bits, regime.granule_shift));
  }
  return std::make_unique<Aarch64Table>(regime);
}

}  // namespace panicroom
