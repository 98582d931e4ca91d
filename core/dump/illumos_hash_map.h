#pragma once

#include <memory>
#include <optional>

#include "core/dump/illumos.h"
#include "core/dump/illumos_pages.h"

namespace panicroom {

/// The map of vmcore.N: a hash table of (as, page) that savecore makes. Entry N of the table is at
/// once the head of bucket N and a mapping, which may be of any bucket. Read where it lies.
class IllumosHashMap final : public IllumosMap {
 public:
  IllumosHashMap(SourcePtr file, const IllumosHeader& header,
                 std::shared_ptr<const IllumosPages> pages);

  std::uint32_t page_size() const override { return pages_->page_size(); }
  Result<std::uint64_t> physical(std::uint64_t as, std::uint64_t virtual_page,
                                 std::vector<IllumosMapStep>* steps) const override;
  Result<void> each(const std::function<bool(const IllumosMapping&)>& visit) const override;

  std::uint64_t size() const { return buckets_ * entry_size_; }

 private:
  struct Entry {
    std::uint64_t first = 0, next = 0, data = 0;  ///< file offsets
    std::uint64_t as = 0, page = 0;
  };

  std::uint64_t bucket_of(std::uint64_t as, std::uint64_t page) const;
  std::uint64_t entry_offset(std::uint64_t index) const { return offset_ + index * entry_size_; }
  Result<Entry> entry(std::uint64_t index) const;
  Entry decode(Bytes bytes) const;
  Result<std::uint64_t> index_at(std::uint64_t offset, std::uint64_t from) const;
  Result<std::uint64_t> page_at(std::uint64_t data, std::uint64_t from) const;

  SourcePtr file_;
  std::shared_ptr<const IllumosPages> pages_;
  std::endian order_;
  unsigned width_;
  std::uint64_t entry_size_;
  std::uint64_t offset_;
  std::uint64_t buckets_;
  std::uint64_t data_;
};

}  // namespace panicroom
