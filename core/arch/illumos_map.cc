// The translation map of an illumos dump as a page table.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "core/arch/page_table.h"
#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

class IllumosTable final : public PageTable {
 public:
  IllumosTable(std::shared_ptr<const IllumosMap> map, std::uint64_t as)
      : map_(std::move(map)), as_(as) {}

  Result<Translation> walk(std::uint64_t address, PhysicalWords&,
                           std::vector<TranslationStep>* steps) const override {
    const std::uint64_t page = round_down(address, map_->page_size());
    std::vector<IllumosMapStep> looked;
    auto found = map_->physical(as_, page, steps != nullptr ? &looked : nullptr);
    if (steps != nullptr)
      for (IllumosMapStep& step : looked)
        steps->push_back({step.table, step.index, std::nullopt, step.file_offset, step.entry,
                          std::move(step.meaning)});
    if (!found) {
      Error error = std::move(found).error();
      error.address = address;
      return Failure(std::move(error));
    }
    // The map says nothing of access rights.
    return Translation{*found + (address - page), map_->page_size(), true, true, false};
  }
  std::string describe() const override {
    return fmt::format("illumos translation map, address space {:#x}", as_);
  }

 private:
  std::shared_ptr<const IllumosMap> map_;
  std::uint64_t as_;
};

}  // namespace

std::unique_ptr<PageTable> illumos_page_table(const IllumosDump& dump, std::uint64_t as) {
  return std::make_unique<IllumosTable>(dump.map, as);
}

}  // namespace panicroom
