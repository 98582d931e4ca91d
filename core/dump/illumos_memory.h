#pragma once

#include <memory>
#include <utility>

#include "core/dump/illumos_pages.h"

namespace panicroom {

/// The physical memory of vmcore.N: the pages lie one after the other in the order of the page
/// frame table.
class IllumosMemory final : public PhysicalMemory {
 public:
  IllumosMemory(SourcePtr file, std::shared_ptr<const IllumosPages> pages, std::uint64_t data);

  std::uint32_t page_size() const override { return pages_->page_size(); }
  std::uint64_t end() const override { return pages_->end(); }
  PageLocation locate(std::uint64_t address) const override;
  Bytes view(std::uint64_t address) const override;
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override;
  std::size_t read_cut_page(std::uint64_t address, MutableBytes page) const override;
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override;

  /// Pages of the table that are whole in the file.
  std::uint64_t pages_in_file() const { return in_file_; }

 private:
  SourcePtr file_;
  Bytes mapped_;
  std::shared_ptr<const IllumosPages> pages_;
  std::uint64_t data_;
  std::uint64_t in_file_;
};

}  // namespace panicroom
