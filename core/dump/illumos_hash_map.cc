#include "core/dump/illumos_hash_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/loop_guard.h"

// Layout: dump_map_t and DUMP_HASH of illumos-gate usr/src/uts/common/sys/dumphdr.h; how it is
// filled: build_dump_map() of usr/src/cmd/savecore/savecore.c.

namespace panicroom {
namespace {

constexpr std::uint64_t longest_entry = 40;
/// Entries of one bucket: spaces that show the same page come together, no more than there are
/// processes.
constexpr std::uint64_t longest_chain = 65536;

}  // namespace

IllumosHashMap::IllumosHashMap(SourcePtr file, const IllumosHeader& header,
                               std::shared_ptr<const IllumosPages> pages)
    : file_(std::move(file)),
      pages_(std::move(pages)),
      order_(header.order),
      width_(header.word),
      entry_size_(24 + std::uint64_t{2} * header.word),
      offset_(header.map),
      buckets_(header.hash_mask + 1),
      data_(header.data) {}

std::uint64_t IllumosHashMap::bucket_of(std::uint64_t as, std::uint64_t page) const {
  return ((as >> 3) + (page >> pages_->shift())) & (buckets_ - 1);
}

IllumosHashMap::Entry IllumosHashMap::decode(Bytes bytes) const {
  const Reader reader(bytes, order_);
  return {*reader.u64(0), *reader.u64(8), *reader.u64(16), *reader.word(24, width_),
          *reader.word(24 + width_, width_)};
}

Result<IllumosHashMap::Entry> IllumosHashMap::entry(std::uint64_t index) const {
  std::array<std::byte, longest_entry> copy;
  const std::uint64_t at = entry_offset(index);
  Bytes bytes = file_->view(at, entry_size_);
  if (bytes.empty()) {
    const auto out = MutableBytes(copy).first(static_cast<std::size_t>(entry_size_));
    if (auto done = file_->read(at, out); !done)
      return Failure(done.error().within("reading the translation map").at_offset(at));
    bytes = out;
  }
  return decode(bytes);
}

/// Index of the entry at a file offset that the one at `from` names.
Result<std::uint64_t> IllumosHashMap::index_at(std::uint64_t offset, std::uint64_t from) const {
  if (offset < offset_ || offset - offset_ >= size() || (offset - offset_) % entry_size_ != 0)
    return fail_at_offset(
        ErrorCode::corrupt, from,
        fmt::format("the translation map names an entry at {:#x}, where none begins: it has {} "
                    "entries of {} bytes from {:#x}",
                    offset, buckets_, entry_size_, offset_));
  return (offset - offset_) / entry_size_;
}

/// Physical address of the page whose bytes the entry at `from` says to lie at `data`.
Result<std::uint64_t> IllumosHashMap::page_at(std::uint64_t data, std::uint64_t from) const {
  const std::uint64_t unit = pages_->page_size();
  if (data < data_ || (data - data_) % unit != 0 || (data - data_) / unit >= pages_->count())
    return fail_at_offset(
        ErrorCode::corrupt, from,
        fmt::format("the translation map names a page at {:#x}, where none begins: the dump has {} "
                    "pages from {:#x}",
                    data, pages_->count(), data_));
  return pages_->address((data - data_) / unit);
}

Result<std::uint64_t> IllumosHashMap::physical(std::uint64_t as, std::uint64_t virtual_page,
                                               std::vector<IllumosMapStep>* steps) const {
  const auto step = [steps](IllumosMapStep made) {
    if (steps != nullptr) steps->push_back(std::move(made));
  };
  const std::uint64_t bucket = bucket_of(as, virtual_page);
  PANICROOM_TRY(head, entry(bucket));
  std::uint64_t from = entry_offset(bucket);
  if (steps != nullptr)
    step({"hash bucket", bucket, from, head.first,
          head.first == 0 ? "no entry"
                          : fmt::format("first entry at file offset {:#x}", head.first)});
  LoopGuard guard(longest_chain);
  for (std::uint64_t next = head.first; next != 0;) {
    PANICROOM_TRY(index, index_at(next, from));
    from = next;
    if (!guard.step(index))
      return fail_at_offset(
          ErrorCode::corrupt, entry_offset(bucket),
          fmt::format("the entries of bucket {} of the translation map {}", bucket,
                      guard.cyclic() ? "form a cycle" : "are more than can share a bucket"));
    PANICROOM_TRY(here, entry(index));
    if (bucket_of(here.as, here.page) != bucket)
      return fail_at_offset(ErrorCode::corrupt, from,
                            fmt::format("an entry of bucket {} of the translation map is of page "
                                        "{:#x}, which belongs to bucket {}",
                                        bucket, here.page, bucket_of(here.as, here.page)));
    if (here.as == as && here.page == virtual_page) {
      PANICROOM_TRY(address, page_at(here.data, from));
      if (steps != nullptr)
        step({"hash entry", index, from, here.data,
              fmt::format("page of physical {:#x}, at file offset {:#x}", address, here.data)});
      return address;
    }
    if (steps != nullptr)
      step({"hash entry", index, from, here.next,
            fmt::format("page {:#x} of address space {:#x}, another one", here.page, here.as)});
    next = here.next;
  }
  return fail_at_address(
      ErrorCode::unmapped, virtual_page,
      fmt::format("the dump's translation map has no page {:#x} of address space "
                  "{:#x}",
                  virtual_page, as));
}

Result<void> IllumosHashMap::each(const std::function<bool(const IllumosMapping&)>& visit) const {
  const std::uint64_t at_once = 1024;
  const std::uint64_t left = offset_ < file_->size() ? file_->size() - offset_ : 0;
  const std::uint64_t in_file = std::min(buckets_, left / entry_size_);
  std::optional<Error> missing;
  std::vector<std::byte> bytes;
  for (std::uint64_t index = 0; index < in_file; index += at_once) {
    bytes.resize(static_cast<std::size_t>(std::min(at_once, in_file - index) * entry_size_));
    PANICROOM_CHECK(file_->read(entry_offset(index), bytes));
    for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(entry_size_)) {
      const Entry here = decode(Bytes(bytes).subspan(at, static_cast<std::size_t>(entry_size_)));
      if (here.data == 0) continue;
      auto address = page_at(here.data, entry_offset(index) + at);
      if (!address) {
        if (!missing) missing = std::move(address).error();
        continue;
      }
      if (!visit({here.as, here.page, *address})) return {};
    }
  }
  if (!missing && in_file < buckets_)
    missing = Error{ErrorCode::not_in_dump, Absence::truncated,
                    "the file ends within the translation map", std::nullopt, file_->size()};
  if (missing) return Failure(*std::move(missing));
  return {};
}

}  // namespace panicroom
