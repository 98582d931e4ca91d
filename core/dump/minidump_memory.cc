#include "core/dump/minidump_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/dump/stored_page.h"

namespace panicroom {

std::optional<std::uint64_t> last_set(const PageBits& bits) {
  for (std::uint64_t index = (bits.bits_in_file() + 63) / 64; index-- > 0;)
    if (const std::uint64_t word = bits.word(index); word != 0)
      return index * 64 + static_cast<std::uint64_t>(std::bit_width(word)) - 1;
  return std::nullopt;
}

MinidumpMemory::MinidumpMemory(SourcePtr file, const MinidumpPlaces& places,
                               std::vector<NumberedRange> ranges, RankedPageBits dumped)
    : file_(std::move(file)),
      mapped_(file_->view(0, file_->size())),
      places_(places),
      page_shift_(static_cast<unsigned>(std::countr_zero(places.page_size))),
      pages_in_file_(file_->size() > places.data ? (file_->size() - places.data) >> page_shift_
                                                 : 0),
      ranges_(std::move(ranges)),
      dumped_(std::move(dumped)) {}

std::uint64_t MinidumpMemory::end() const {
  return ranges_.empty() ? 0 : ranges_.back().end_frame << page_shift_;
}

const NumberedRange* MinidumpMemory::range_of(std::uint64_t frame) const {
  const auto range = std::upper_bound(ranges_.begin(), ranges_.end(), frame,
                                      [](std::uint64_t value, const NumberedRange& candidate) {
                                        return value < candidate.end_frame;
                                      });
  // The lower bound matters: a frame between two ranges has no bit, though libkvm gives it one.
  if (range == ranges_.end() || frame < range->first_frame) return nullptr;
  return &*range;
}

PageLocation MinidumpMemory::locate(std::uint64_t address) const {
  PageLocation location;
  location.record = "bitmap";
  const std::uint64_t frame = address >> page_shift_;
  const NumberedRange* range = range_of(frame);
  if (range == nullptr) return location;
  const std::uint64_t bit = range->first_bit + (frame - range->first_frame);
  location.record_offset = places_.bitmap + bit / 8;
  if (!dumped_.test(bit)) {
    location.absence = bit < dumped_.bits().bits_in_file() ? Absence::excluded : Absence::truncated;
    return location;
  }
  const std::uint64_t rank = dumped_.rank(bit);
  if (rank >= pages_in_file_) {
    location.absence = Absence::truncated;
    const std::uint64_t offset = places_.data + (rank << page_shift_);
    if (rank == pages_in_file_ && offset < file_->size()) {
      location.file_offset = offset;
      location.stored_size = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(places_.page_size, file_->size() - offset));
    }
    return location;
  }
  location.present = true;
  location.absence = Absence::none;
  location.stored_size = places_.page_size;
  location.file_offset = places_.data + (rank << page_shift_);
  return location;
}

Bytes MinidumpMemory::view(std::uint64_t address) const {
  if (mapped_.empty()) return {};
  const std::uint64_t frame = address >> page_shift_;
  const NumberedRange* range = range_of(frame);
  if (range == nullptr) return {};
  const std::uint64_t bit = range->first_bit + (frame - range->first_frame);
  if (!dumped_.test(bit)) return {};
  const std::uint64_t rank = dumped_.rank(bit);
  if (rank >= pages_in_file_) return {};
  // Neighbouring pages of one range lie side by side; looking on within one word of bits is free.
  const std::uint64_t following = dumped_.bits().word(bit / 64) >> (bit % 64);
  const std::uint64_t run = std::min({static_cast<std::uint64_t>(std::countr_one(following)),
                                      range->end_frame - frame, pages_in_file_ - rank});
  const std::uint64_t skip = address & (places_.page_size - 1);
  return mapped_.subspan(static_cast<std::size_t>(places_.data + (rank << page_shift_) + skip),
                         static_cast<std::size_t>((run << page_shift_) - skip));
}

Result<void> MinidumpMemory::read_page(std::uint64_t address, MutableBytes page,
                                       PageDecoder& decoder) const {
  const PageLocation location = locate(address);
  if (!location.present) return absent_page(location.absence, address);
  return read_stored_page(*file_, location, address, page, decoder);
}

std::size_t MinidumpMemory::read_cut_page(std::uint64_t address, MutableBytes page) const {
  const PageLocation location = locate(address);
  if (location.present) return 0;
  const auto length = std::min<std::size_t>(page.size(), location.stored_size);
  return length != 0 && file_->read(location.file_offset, page.first(length)) ? length : 0;
}

void MinidumpMemory::ranges(const std::function<bool(const PhysicalRange&)>& visit) const {
  RangeJoiner joiner(visit);
  const auto add = [&](std::uint64_t first, std::uint64_t end, bool present, Absence absence) {
    return joiner.add({first << page_shift_, end << page_shift_, present, absence});
  };
  std::uint64_t frame = 0;
  for (const NumberedRange& range : ranges_) {
    if (!add(frame, range.first_frame, false, Absence::hole)) return;
    // Two ranges may share the page in which one ends and the next begins.
    frame = std::max(frame, range.first_frame);
    while (frame < range.end_frame) {
      const std::uint64_t bit = range.first_bit + (frame - range.first_frame);
      const std::uint64_t stop = range.first_bit + (range.end_frame - range.first_frame);
      std::uint64_t end = frame + (dumped_.bits().run_end(bit, stop) - bit);
      if (!dumped_.test(bit)) {
        const bool known = bit < dumped_.bits().bits_in_file();
        if (!add(frame, end, false, known ? Absence::excluded : Absence::truncated)) return;
      } else {
        const std::uint64_t rank = dumped_.rank(bit);
        const std::uint64_t whole =
            rank < pages_in_file_ ? std::min(end - frame, pages_in_file_ - rank) : 0;
        if (!add(frame, frame + whole, true, Absence::none)) return;
        if (!add(frame + whole, end, false, Absence::truncated)) return;
      }
      frame = end;
    }
  }
  joiner.finish();
}

Result<std::uint64_t> add_dumped_pages(const SourcePtr& file, const MinidumpPlaces& places,
                                       std::vector<NumberedRange> ranges, bool gaps_are_holes,
                                       Dump& dump) {
  std::uint64_t numbered = 0;
  for (const NumberedRange& range : ranges) numbered += range.end_frame - range.first_frame;
  PANICROOM_TRY(bits, PageBits::read(file, places.bitmap, numbered));
  RankedPageBits dumped(std::move(bits));
  if (!gaps_are_holes && !ranges.empty()) {
    // Nothing says where memory ends but the last page that was dumped.
    const auto last = last_set(dumped.bits());
    ranges.back().end_frame = last ? *last + 1 : 0;
  }
  const std::uint64_t pages = dumped.count();
  const bool bitmap_whole = dumped.bits().bits_in_file() == numbered;
  auto memory =
      std::make_shared<const MinidumpMemory>(file, places, std::move(ranges), std::move(dumped));
  const std::uint64_t lacking = pages - std::min(pages, memory->pages_in_file());
  if (lacking != 0 || !bitmap_whole) {
    dump.remarks.push_back(
        {ErrorCode::not_in_dump,
         bitmap_whole
             ? fmt::format("the file ends early: {} of {} pages are missing", lacking, pages)
             : std::string("the file ends within its bitmap of pages"),
         file->size()});
  }
  if (!dump.remarks.empty()) dump.complete = false;
  dump.memory = std::move(memory);
  return pages;
}

}  // namespace panicroom
