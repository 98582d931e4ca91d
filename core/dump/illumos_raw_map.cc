#include "core/dump/illumos_raw_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/base/arithmetic.h"

// Layout: mem_vtop_t of illumos-gate usr/src/uts/common/sys/mem.h, written by dump_addpage() of
// usr/src/uts/common/os/dumpsubr.c.

namespace panicroom {
namespace {

constexpr std::uint64_t longest_entry = 24;
constexpr std::uint64_t most_entries = 0xfffffffe;
constexpr std::uint64_t entries_a_bucket = 4;
/// Entries of one bucket that are looked at: the dump chooses which come together.
constexpr std::uint64_t most_compared = 4096;

}  // namespace

IllumosRawMap::IllumosRawMap(SourcePtr file, const IllumosHeader& header)
    : file_(std::move(file)),
      order_(header.order),
      width_(header.word),
      shift_(header.page_shift),
      entry_size_(std::uint64_t{3} * header.word),
      offset_(header.map),
      count_(header.mappings) {
  const std::uint64_t left = offset_ < file_->size() ? file_->size() - offset_ : 0;
  in_file_ = std::min(count_, left / entry_size_);
}

IllumosRawMap::Entry IllumosRawMap::decode(Bytes bytes) const {
  const Reader reader(bytes, order_);
  return {*reader.word(0, width_), *reader.word(width_, width_),
          *reader.word(std::uint64_t{2} * width_, width_)};
}

Result<IllumosRawMap::Entry> IllumosRawMap::entry(std::uint64_t index) const {
  const std::uint64_t at = offset_ + index * entry_size_;
  if (const Bytes bytes = file_->view(at, entry_size_); !bytes.empty()) return decode(bytes);
  std::array<std::byte, longest_entry> copy;
  const auto out = MutableBytes(copy).first(static_cast<std::size_t>(entry_size_));
  PANICROOM_CHECK(file_->read(at, out));
  return decode(out);
}

Result<void> IllumosRawMap::scan(const EntryVisitor& visit) const {
  constexpr std::uint64_t at_once = 4096;
  const auto size = static_cast<std::size_t>(entry_size_);
  std::vector<std::byte> buffer;
  for (std::uint64_t first = 0; first < in_file_; first += at_once) {
    const std::uint64_t number = std::min(at_once, in_file_ - first);
    const std::uint64_t at = offset_ + first * entry_size_;
    Bytes bytes = file_->view(at, number * entry_size_);
    if (bytes.empty()) {
      buffer.resize(static_cast<std::size_t>(number) * size);
      PANICROOM_CHECK(file_->read(at, buffer));
      bytes = buffer;
    }
    for (std::uint64_t i = 0; i < number; ++i)
      if (!visit(first + i, decode(bytes.subspan(static_cast<std::size_t>(i) * size, size))))
        return {};
  }
  return {};
}

std::uint64_t IllumosRawMap::bucket_of(std::uint64_t as, std::uint64_t page) const {
  std::uint64_t mixed = (page >> shift_) + as * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return (mixed ^ mixed >> 31) & (starts_.size() - 2);
}

Result<void> IllumosRawMap::make_index() const {
  if (in_file_ > most_entries)
    return fail_at_offset(
        ErrorCode::unsupported, offset_,
        fmt::format("the translation map has {} entries: run savecore -f on this dump first",
                    in_file_));
  const std::uint64_t buckets = std::bit_ceil(in_file_ / entries_a_bucket + 1);
  starts_.assign(static_cast<std::size_t>(buckets) + 1, 0);
  numbers_.resize(static_cast<std::size_t>(in_file_));
  PANICROOM_CHECK(scan([this](std::uint64_t, const Entry& entry) {
    ++starts_[static_cast<std::size_t>(bucket_of(entry.as, entry.page)) + 1];
    return true;
  }));
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  // Each start moves to its bucket's end, which is the next one's start, and then back.
  PANICROOM_CHECK(scan([this](std::uint64_t index, const Entry& entry) {
    std::uint32_t& place = starts_[static_cast<std::size_t>(bucket_of(entry.as, entry.page))];
    // A file that changes while it is read must not lead outside.
    if (place < numbers_.size()) numbers_[place++] = static_cast<std::uint32_t>(index);
    return true;
  }));
  for (std::size_t i = starts_.size() - 1; i != 0; --i) starts_[i] = starts_[i - 1];
  starts_[0] = 0;
  return {};
}

Result<std::uint64_t> IllumosRawMap::address_of(const Entry& entry, std::uint64_t index) const {
  if (entry.frame > ~std::uint64_t{0} >> shift_)
    return fail_at_offset(
        ErrorCode::corrupt, offset_ + index * entry_size_,
        fmt::format("the translation map names {:#x}, which is no page frame", entry.frame));
  return entry.frame << shift_;
}

Result<std::uint64_t> IllumosRawMap::physical(std::uint64_t as, std::uint64_t virtual_page,
                                              std::vector<IllumosMapStep>* steps) const {
  std::call_once(indexed_, [this] {
    if (auto made = make_index(); !made)
      why_not_indexed_ = made.error().within("reading the translation map");
  });
  if (why_not_indexed_) return Failure(*why_not_indexed_);
  const auto bucket = static_cast<std::size_t>(bucket_of(as, virtual_page));
  std::uint64_t left = most_compared;
  // The last entry of a page is the one that savecore finds first.
  for (std::uint32_t i = starts_[bucket + 1]; i-- > starts_[bucket];) {
    if (left-- == 0)
      return fail_at_offset(ErrorCode::corrupt, offset_,
                            "the entries of the translation map are made to be slow to search");
    const std::uint64_t index = numbers_[i];
    PANICROOM_TRY(here, entry(index));
    if (here.as != as || here.page != virtual_page) continue;
    PANICROOM_TRY(address, address_of(here, index));
    if (steps != nullptr)
      steps->push_back({"translation entry", index, offset_ + index * entry_size_, here.frame,
                        fmt::format("page of physical {:#x}", address)});
    return address;
  }
  if (!whole())
    return absent(Absence::truncated, virtual_page,
                  "the page is not among those of the translation map that come before the file's "
                  "end");
  return fail_at_address(
      ErrorCode::unmapped, virtual_page,
      fmt::format("the dump's translation map has no page {:#x} of address space "
                  "{:#x}",
                  virtual_page, as));
}

Result<void> IllumosRawMap::each(const std::function<bool(const IllumosMapping&)>& visit) const {
  std::optional<Error> missing;
  bool stopped = false;
  PANICROOM_CHECK(scan([&](std::uint64_t index, const Entry& entry) {
    if (auto address = address_of(entry, index))
      stopped = !visit({entry.as, entry.page, *address});
    else if (!missing)
      missing = std::move(address).error();
    return !stopped;
  }));
  if (stopped) return {};
  if (!missing && !whole())
    missing = Error{ErrorCode::not_in_dump, Absence::truncated,
                    "the file ends within the translation map", std::nullopt, file_->size()};
  if (missing) return Failure(*std::move(missing));
  return {};
}

}  // namespace panicroom
