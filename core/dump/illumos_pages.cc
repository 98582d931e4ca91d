#include "core/dump/illumos_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/dump/stored_page.h"

namespace panicroom {

IllumosPages::IllumosPages(SourcePtr file, const IllumosHeader& header)
    : file_(std::move(file)),
      order_(header.order),
      width_(header.word),
      shift_(header.page_shift),
      offset_(header.pfn_table),
      count_(header.pages) {
  const std::uint64_t left = offset_ < file_->size() ? file_->size() - offset_ : 0;
  in_file_ = std::min(count_, left / width_);
  mapped_ = file_->view(offset_, in_file_ * width_);
  if (in_file_ == 0) return;
  // The last frame is the highest where the table is what it must be.
  const std::uint64_t most = ~std::uint64_t{0} >> shift_;
  const std::uint64_t first = frame(0).value_or(0);
  const std::uint64_t last = frame(in_file_ - 1).value_or(0);
  ascending_ = first <= last && last < most;
  end_ = (std::min(std::max(first, last), most - 1) + 1) << shift_;
}

std::optional<std::uint64_t> IllumosPages::frame(std::uint64_t index) const {
  if (index >= in_file_) return std::nullopt;
  if (!mapped_.empty()) return Reader(mapped_, order_).word(index * width_, width_);
  std::array<std::byte, 8> copy;
  const auto bytes = MutableBytes(copy).first(width_);
  if (!file_->read(entry_offset(index), bytes)) return std::nullopt;
  return Reader(bytes, order_).word(0, width_);
}

Result<std::uint64_t> IllumosPages::address(std::uint64_t index) const {
  if (index >= count_)
    return fail(ErrorCode::corrupt,
                fmt::format("page {} of the dump was named, which has {}", index, count_));
  const auto number = frame(index);
  if (!number) {
    auto failure = absent(Absence::truncated, 0,
                          fmt::format("the file ends before the frame of page {}", index));
    failure.value().address.reset();
    failure.value().offset = entry_offset(index);
    return failure;
  }
  if (*number > ~std::uint64_t{0} >> shift_)
    return fail_at_offset(ErrorCode::corrupt, entry_offset(index),
                          fmt::format("{:#x} is no page frame", *number));
  return *number << shift_;
}

std::optional<std::uint64_t> IllumosPages::find(std::uint64_t address) const {
  if (address >= end_) return std::nullopt;
  const std::uint64_t wanted = address >> shift_;
  std::uint64_t first = 0;
  std::uint64_t end = in_file_;
  while (first < end) {
    const std::uint64_t middle = first + (end - first) / 2;
    const auto number = frame(middle);
    if (!number) return std::nullopt;
    if (*number == wanted) return middle;
    if (*number < wanted)
      first = middle + 1;
    else
      end = middle;
  }
  return std::nullopt;
}

void IllumosPages::ranges(const std::function<State(std::uint64_t index)>& state,
                          const std::function<bool(const PhysicalRange&)>& visit) const {
  constexpr std::uint64_t at_once = 4096;
  RangeJoiner joiner(visit);
  std::uint64_t at = 0;
  State now;
  now.pages = 0;
  std::vector<std::byte> buffer;
  for (std::uint64_t index = 0; index < in_file_ && at < end_; index += at_once) {
    const std::uint64_t number = std::min(at_once, in_file_ - index);
    Bytes entries;
    if (!mapped_.empty()) {
      entries = mapped_.subspan(static_cast<std::size_t>(index * width_),
                                static_cast<std::size_t>(number * width_));
    } else {
      buffer.resize(static_cast<std::size_t>(number * width_));
      if (!file_->read(entry_offset(index), buffer)) break;
      entries = buffer;
    }
    const Reader reader(entries, order_);
    for (std::uint64_t i = 0; i < number; ++i) {
      if (now.pages == 0) now = state(index + i);
      if (now.pages != 0) --now.pages;
      const std::uint64_t frame = *reader.word(i * width_, width_);
      // What is out of order is not found by a search either.
      if (frame > (end_ - 1) >> shift_ || frame << shift_ < at) continue;
      const std::uint64_t start = frame << shift_;
      if (!joiner.add({at, start, false, Absence::hole})) return;
      at = start + page_size();
      if (!joiner.add({start, at, now.present, now.absence})) return;
    }
  }
  if (!joiner.add({at, end_, false, Absence::hole})) return;
  joiner.finish();
}

}  // namespace panicroom
