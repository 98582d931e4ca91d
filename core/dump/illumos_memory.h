#pragma once

#include <memory>
#include <utility>

#include "core/dump/illumos_pages.h"
#include "core/dump/illumos_records.h"

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

/// The physical memory of vmdump.N and of a dump device: compressed, where IllumosRecords says.
class CompressedIllumosMemory final : public PhysicalMemory {
 public:
  /// `suspect`: pages may lack their records, which makes ranges() look at all of them.
  CompressedIllumosMemory(SourcePtr file, std::shared_ptr<const IllumosPages> pages,
                          std::shared_ptr<const IllumosRecords> records, bool suspect);

  std::uint32_t page_size() const override { return pages_->page_size(); }
  std::uint64_t end() const override { return pages_->end(); }
  PageLocation locate(std::uint64_t address) const override;
  Bytes view(std::uint64_t address) const override;
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override;
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override;

 private:
  struct Place {
    PageLocation location;
    std::optional<IllumosRecords::Record> record;
    std::optional<Error> why;  ///< there is no record
  };
  Place place_of(std::uint64_t address) const;

  SourcePtr file_;
  Bytes mapped_;
  std::shared_ptr<const IllumosPages> pages_;
  std::shared_ptr<const IllumosRecords> records_;
  bool suspect_;
};

}  // namespace panicroom
