#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/dump/illumos.h"
#include "core/dump/illumos_pages.h"

namespace panicroom {

/// The map as the kernel writes it: a row of (as, page, frame), as they came. An index of the
/// numbers of its entries is made when the first look-up needs it, in two passes over the map; it
/// takes 5 bytes of memory for each entry.
class IllumosRawMap final : public IllumosMap {
 public:
  IllumosRawMap(SourcePtr file, const IllumosHeader& header);

  std::uint32_t page_size() const override { return std::uint32_t{1} << shift_; }
  Result<std::uint64_t> physical(std::uint64_t as, std::uint64_t virtual_page,
                                 std::vector<IllumosMapStep>* steps) const override;
  Result<void> each(const std::function<bool(const IllumosMapping&)>& visit) const override;

  std::uint64_t size() const { return count_ * entry_size_; }
  bool whole() const { return in_file_ == count_; }

 private:
  struct Entry {
    std::uint64_t as = 0, page = 0, frame = 0;
  };
  using EntryVisitor = std::function<bool(std::uint64_t index, const Entry& entry)>;

  Entry decode(Bytes bytes) const;
  Result<Entry> entry(std::uint64_t index) const;
  /// All entries, read many at a time.
  Result<void> scan(const EntryVisitor& visit) const;
  Result<std::uint64_t> address_of(const Entry& entry, std::uint64_t index) const;
  std::uint64_t bucket_of(std::uint64_t as, std::uint64_t page) const;
  Result<void> make_index() const;

  SourcePtr file_;
  std::endian order_;
  unsigned width_;
  unsigned shift_;
  std::uint64_t entry_size_;
  std::uint64_t offset_;
  std::uint64_t count_;
  std::uint64_t in_file_;

  mutable std::once_flag indexed_;
  mutable std::optional<Error> why_not_indexed_;
  // Bucket B's entries are numbers_[starts_[B]] up to numbers_[starts_[B + 1]], in their order.
  mutable std::vector<std::uint32_t> starts_, numbers_;
};

}  // namespace panicroom
