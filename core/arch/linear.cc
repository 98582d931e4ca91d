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
      return Translation{physical, size, true, true, false};
    }
    if (fallback_ != nullptr) return fallback_->walk(address, words, steps);
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
  std::vector<LinearRange> ranges_;
  std::unique_ptr<PageTable> fallback_;
};

}  // namespace

std::unique_ptr<PageTable> linear_page_table(std::vector<LinearRange> ranges,
                                             std::unique_ptr<PageTable> fallback) {
  return std::make_unique<LinearTable>(std::move(ranges), std::move(fallback));
}

}  // namespace panicroom
