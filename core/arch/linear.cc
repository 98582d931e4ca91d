#include <fmt/format.h>

#include <utility>

#include "core/arch/linear_range.h"
#include "core/arch/page_table.h"
#include "core/arch/table_entry.h"

namespace panicroom {

std::uint64_t linear_page_size(std::uint64_t virtual_address, std::uint64_t physical,
                               std::uint64_t start, std::uint64_t last) {
  std::uint64_t size = std::uint64_t{1} << 30;
  for (; size > 1; size >>= 1) {
    const std::uint64_t within = size - 1;
    if (((virtual_address ^ physical) & within) == 0 && (virtual_address & ~within) >= start &&
        (virtual_address | within) <= last) {
      break;
    }
  }
  return size;
}

std::uint64_t page_size_beside(std::uint64_t virtual_address, std::uint64_t size,
                               std::uint64_t start, std::uint64_t last) {
  for (; size > 1; size >>= 1) {
    const std::uint64_t within = size - 1;
    if ((virtual_address & ~within) > last || (virtual_address | within) < start) break;
  }
  return size;
}

namespace {

class LinearTable final : public PageTable {
 public:
  LinearTable(std::vector<LinearRange> ranges, std::unique_ptr<PageTable> fallback)
      : ranges_(std::move(ranges)), fallback_(std::move(fallback)) {}

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    for (const LinearRange& range : ranges_) {
      if (address < range.start || address > range.last) continue;
      const std::uint64_t physical = range.physical + (address - range.start);
      const std::uint64_t size = linear_page_size(address, physical, range.start, range.last);
      TableWalk walk(address, words, steps);
      walk.rule(range.what, [&] {
        return fmt::format("{:#x} to {:#x} begins at physical {:#x}", range.start, range.last,
                           range.physical);
      });
      return beside({physical, size, true, true, false}, address, &range);
    }
    if (fallback_ != nullptr) {
      PANICROOM_TRY(translation, fallback_->walk(address, words, steps));
      return beside(translation, address, ranges_.data() + ranges_.size());
    }
    return TableWalk(address, words, steps).unmapped("the address lies in no known linear range");
  }

  std::string describe() const override {
    std::string text;
    for (const LinearRange& range : ranges_) {
      if (!text.empty()) text += ", ";
      text += range.what;
    }
    if (fallback_ != nullptr) text += (text.empty() ? "" : ", else ") + fallback_->describe();
    return text;
  }

 private:
  /// Of a page that has no address of the ranges before `end`, which are asked first.
  Translation beside(Translation page, std::uint64_t address, const LinearRange* end) const {
    for (const LinearRange* range = ranges_.data(); range != end; ++range)
      page.page_size = page_size_beside(address, page.page_size, range->start, range->last);
    return page;
  }

  std::vector<LinearRange> ranges_;
  std::unique_ptr<PageTable> fallback_;
};

}  // namespace

std::unique_ptr<PageTable> linear_page_table(std::vector<LinearRange> ranges,
                                             std::unique_ptr<PageTable> fallback) {
  return std::make_unique<LinearTable>(std::move(ranges), std::move(fallback));
}

}  // namespace panicroom
