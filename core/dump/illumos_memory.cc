#include "core/dump/illumos_memory.h"

#include <algorithm>

#include "core/dump/stored_page.h"

namespace panicroom {

IllumosMemory::IllumosMemory(SourcePtr file, std::shared_ptr<const IllumosPages> pages,
                             std::uint64_t data)
    : file_(std::move(file)),
      mapped_(file_->view(0, file_->size())),
      pages_(std::move(pages)),
      data_(data) {
  const std::uint64_t left = data_ < file_->size() ? file_->size() - data_ : 0;
  in_file_ = std::min(pages_->count(), left >> pages_->shift());
}

PageLocation IllumosMemory::locate(std::uint64_t address) const {
  PageLocation location;
  location.record = "page frame table";
  const auto index = pages_->find(address);
  if (!index) return location;
  location.record_offset = pages_->entry_offset(*index);
  location.file_offset = data_ + (*index << pages_->shift());
  location.present = *index < in_file_;
  location.absence = location.present ? Absence::none : Absence::truncated;
  location.stored_size = page_size();
  if (!location.present)
    location.stored_size = location.file_offset < file_->size()
                               ? static_cast<std::uint32_t>(file_->size() - location.file_offset)
                               : 0;
  return location;
}

Bytes IllumosMemory::view(std::uint64_t address) const {
  if (mapped_.empty()) return {};
  const PageLocation location = locate(address);
  if (!location.present) return {};
  const std::uint64_t skip = address & (page_size() - 1);
  return mapped_.subspan(static_cast<std::size_t>(location.file_offset + skip),
                         static_cast<std::size_t>(page_size() - skip));
}

Result<void> IllumosMemory::read_page(std::uint64_t address, MutableBytes page,
                                      PageDecoder&) const {
  const PageLocation location = locate(address);
  if (!location.present) return absent_page(location.absence, address);
  return file_->read(location.file_offset, page);
}

std::size_t IllumosMemory::read_cut_page(std::uint64_t address, MutableBytes page) const {
  const PageLocation location = locate(address);
  if (location.present) return 0;
  const auto length = std::min<std::size_t>(page.size(), location.stored_size);
  return length != 0 && file_->read(location.file_offset, page.first(length)) ? length : 0;
}

void IllumosMemory::ranges(const std::function<bool(const PhysicalRange&)>& visit) const {
  pages_->ranges(
      [this](std::uint64_t index) {
        if (index < in_file_) return IllumosPages::State{true, Absence::none, in_file_ - index};
        return IllumosPages::State{false, Absence::truncated, pages_->count() - index};
      },
      visit);
}

CompressedIllumosMemory::CompressedIllumosMemory(SourcePtr file,
                                                 std::shared_ptr<const IllumosPages> pages,
                                                 std::shared_ptr<const IllumosRecords> records,
                                                 bool suspect)
    : file_(std::move(file)),
      mapped_(file_->view(0, file_->size())),
      pages_(std::move(pages)),
      records_(std::move(records)),
      suspect_(suspect) {}

CompressedIllumosMemory::Place CompressedIllumosMemory::place_of(std::uint64_t address) const {
  Place place;
  PageLocation& location = place.location;
  location.record = "page frame table";
  const auto index = pages_->find(address);
  if (!index) return place;
  location.record_offset = pages_->entry_offset(*index);
  auto record = records_->find(*index);
  if (!record) {
    location.absence = record.error().absence;
    place.why = std::move(record).error();
    place.why->address = address;
    return place;
  }
  location.present = true;
  location.absence = Absence::none;
  location.file_offset = record->offset;
  location.stored_size = record->stored;
  location.codec = record->bzip2                   ? Codec::bzip2
                   : record->stored == page_size() ? Codec::none
                                                   : Codec::lzjb;
  place.record = *record;
  return place;
}

PageLocation CompressedIllumosMemory::locate(std::uint64_t address) const {
  return place_of(address).location;
}

Bytes CompressedIllumosMemory::view(std::uint64_t address) const {
  if (mapped_.empty()) return {};
  const PageLocation location = locate(address);
  if (!location.present || location.codec != Codec::none) return {};
  const std::uint64_t skip = address & (page_size() - 1);
  return mapped_.subspan(static_cast<std::size_t>(location.file_offset + skip),
                         static_cast<std::size_t>(page_size() - skip));
}

Result<void> CompressedIllumosMemory::read_page(std::uint64_t address, MutableBytes page,
                                                PageDecoder& decoder) const {
  const Place place = place_of(address);
  if (place.why) {
    if (place.why->code == ErrorCode::not_in_dump)
      return absent_page(place.location.absence, address);
    return Failure(*place.why);
  }
  if (!place.record) return absent_page(Absence::hole, address);
  if (!place.record->bzip2) return read_stored_page(*file_, place.location, address, page, decoder);
  auto read = records_->read_bzip2(*place.record, page);
  if (!read) return Failure(read.error().at_address(address).at_offset(place.location.file_offset));
  return {};
}

void CompressedIllumosMemory::ranges(const std::function<bool(const PhysicalRange&)>& visit) const {
  if (!suspect_) {
    pages_->ranges(
        [this](std::uint64_t index) {
          return IllumosPages::State{true, Absence::none, pages_->count() - index};
        },
        visit);
    return;
  }
  const auto damage = records_->finish();
  const Absence absence = damage ? Absence::none : Absence::truncated;
  const auto runs = records_->runs();
  auto run = runs.begin();
  pages_->ranges(
      [&](std::uint64_t index) {
        while (run != runs.end() && run->first + run->second <= index) ++run;
        if (run == runs.end()) return IllumosPages::State{false, absence, pages_->count() - index};
        if (index < run->first) return IllumosPages::State{false, absence, run->first - index};
        return IllumosPages::State{true, Absence::none, run->first + run->second - index};
      },
      visit);
}

}  // namespace panicroom
