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

}  // namespace panicroom
