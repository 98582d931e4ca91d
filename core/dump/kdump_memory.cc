#include "core/dump/kdump_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/dump/stored_page.h"

namespace panicroom {
namespace {

// Source: makedumpfile diskdump_mod.h, struct page_desc {off_t offset; u32 size; u32 flags; u64
// page_flags} and the DUMP_DH_COMPRESSED_ flags.
constexpr std::uint64_t descriptor_size = 24;

std::optional<Codec> codec_of(std::uint32_t flags) {
  switch (flags) {
    case 0:
      return Codec::none;
    case 1:
      return Codec::zlib;
    case 2:
      return Codec::lzo;
    case 4:
      return Codec::snappy;
    case 0x20:
      return Codec::zstd;
    default:
      return std::nullopt;
  }
}

}  // namespace

KdumpMemory::KdumpMemory(std::uint32_t page_size, std::vector<KdumpPart> parts,
                         std::vector<KdumpStretch> stretches, std::optional<PageBits> existing,
                         Absence undumped, bool damaged)
    : page_size_(page_size),
      page_shift_(static_cast<unsigned>(std::countr_zero(page_size))),
      parts_(std::move(parts)),
      stretches_(std::move(stretches)),
      existing_(std::move(existing)),
      undumped_(undumped),
      damaged_(damaged) {
  for (const KdumpPart& part : parts_) {
    sizes_.push_back(part.file->size());
    mapped_.push_back(part.file->view(0, part.file->size()));
  }
  for (const KdumpStretch& stretch : stretches_)
    first_ranks_.push_back(stretch.dumped.rank(stretch.first_frame - stretch.bits_base));
  damaged_ = damaged_ || !ends_whole();
}

std::uint64_t KdumpMemory::end() const {
  return stretches_.empty() ? 0 : stretches_.back().end_frame << page_shift_;
}

const KdumpStretch* KdumpMemory::stretch_of(std::uint64_t frame) const {
  if (stretches_.empty() || frame >= stretches_.back().end_frame) return nullptr;
  if (stretches_.size() == 1) return &stretches_.front();
  const auto next = std::upper_bound(
      stretches_.begin(), stretches_.end(), frame,
      [](std::uint64_t value, const KdumpStretch& stretch) { return value < stretch.end_frame; });
  return &*next;
}

Absence KdumpMemory::absence_of(std::uint64_t frame) const {
  if (!existing_) return undumped_;
  if (frame >= existing_->bits_in_file()) return Absence::truncated;
  return existing_->test(frame) ? Absence::excluded : Absence::hole;
}

std::uint64_t KdumpMemory::descriptor_offset(const KdumpStretch& stretch,
                                             std::uint64_t frame) const {
  const auto index = static_cast<std::size_t>(&stretch - stretches_.data());
  const std::uint64_t rank = stretch.dumped.rank(frame - stretch.bits_base) - first_ranks_[index];
  return parts_[*stretch.part].descriptors_offset + rank * descriptor_size;
}

std::optional<KdumpMemory::Descriptor> KdumpMemory::descriptor_at(std::uint32_t part,
                                                                  std::uint64_t offset) const {
  if (!contains(sizes_[part], offset, descriptor_size)) return std::nullopt;
  std::array<std::byte, descriptor_size> copy;
  const std::byte* at = copy.data();
  if (!mapped_[part].empty())
    at = mapped_[part].data() + offset;
  else if (!parts_[part].file->read(offset, copy))
    return std::nullopt;
  return decode(at, parts_[part].order);
}

std::optional<KdumpMemory::Descriptor> KdumpMemory::decode(const std::byte* at, std::endian order) {
  return Descriptor{load<std::uint64_t>(at, order), load<std::uint32_t>(at + 8, order),
                    load<std::uint32_t>(at + 12, order)};
}

KdumpMemory::State KdumpMemory::state_of(const Descriptor& descriptor, std::uint32_t part,
                                         Codec& codec) const {
  const auto known = codec_of(descriptor.flags);
  if (!known) return State::unknown_codec;
  codec = *known;
  // Of a page that its writer did not reach the descriptor is all zero.
  if (descriptor.size == 0) return descriptor.offset == 0 ? State::truncated : State::corrupt;
  if (descriptor.size > page_size_ || (codec == Codec::none && descriptor.size != page_size_))
    return State::corrupt;
  // Page data never lies before the descriptors.
  if (descriptor.offset < parts_[part].descriptors_offset) return State::corrupt;
  return contains(sizes_[part], descriptor.offset, descriptor.size) ? State::whole
                                                                    : State::truncated;
}

PageLocation KdumpMemory::locate(std::uint64_t address) const {
  PageLocation location;
  location.record = "page descriptor";
  const std::uint64_t frame = address >> page_shift_;
  const KdumpStretch* stretch = stretch_of(frame);
  if (stretch == nullptr) return location;
  const std::uint64_t bit = frame - stretch->bits_base;
  if (!stretch->dumped.test(bit)) {
    location.absence =
        bit >= stretch->dumped.bits().bits_in_file() ? Absence::truncated : absence_of(frame);
    return location;
  }
  if (!stretch->part) {
    location.absence = Absence::other_part;
    return location;
  }
  location.part = *stretch->part;
  location.record_offset = descriptor_offset(*stretch, frame);
  location.absence = Absence::truncated;
  const auto descriptor = descriptor_at(location.part, location.record_offset);
  if (!descriptor) return location;
  switch (state_of(*descriptor, location.part, location.codec)) {
    case State::truncated:
      // What is left of a compressed page cannot be decompressed.
      if (location.codec == Codec::none && descriptor->offset < sizes_[location.part]) {
        location.file_offset = descriptor->offset;
        location.stored_size = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(descriptor->size, sizes_[location.part] - descriptor->offset));
      }
      return location;
    case State::corrupt:
    case State::unknown_codec:
      location.absence = Absence::none;
      return location;
    case State::whole:
      break;
  }
  location.present = true;
  location.absence = Absence::none;
  location.file_offset = descriptor->offset;
  location.stored_size = descriptor->size;
  return location;
}

Bytes KdumpMemory::view(std::uint64_t address) const {
  const PageLocation location = locate(address);
  if (!location.present || location.codec != Codec::none) return {};
  const Bytes mapped = mapped_[location.part];
  if (mapped.empty()) return {};
  const std::uint64_t skip = address & (page_size_ - 1);
  return mapped.subspan(static_cast<std::size_t>(location.file_offset + skip),
                        static_cast<std::size_t>(page_size_ - skip));
}

Failure KdumpMemory::bad_descriptor(const PageLocation& location, std::uint64_t address) const {
  const Descriptor descriptor =
      descriptor_at(location.part, location.record_offset).value_or(Descriptor{});
  const bool codec_known = codec_of(descriptor.flags).has_value();
  Error error;
  error.code = codec_known ? ErrorCode::corrupt : ErrorCode::unsupported;
  error.text =
      codec_known
          ? fmt::format(
                "the page's descriptor names {} bytes at file offset {:#x}, which cannot be a page "
                "of {} bytes",
                descriptor.size, descriptor.offset, page_size_)
          : fmt::format("the page is compressed in an unknown way (flags {:#x})", descriptor.flags);
  return Failure(std::move(error.at_address(address).at_offset(location.record_offset)));
}

Result<void> KdumpMemory::read_page(std::uint64_t address, MutableBytes page,
                                    PageDecoder& decoder) const {
  const PageLocation location = locate(address);
  if (location.present)
    return read_stored_page(*parts_[location.part].file, location, address, page, decoder);
  if (location.absence == Absence::none) return bad_descriptor(location, address);
  return absent_page(location.absence, address);
}

std::size_t KdumpMemory::read_cut_page(std::uint64_t address, MutableBytes page) const {
  const PageLocation location = locate(address);
  if (location.present) return 0;
  const auto length = std::min<std::size_t>(page.size(), location.stored_size);
  const ByteSource& file = *parts_[location.part].file;
  return length != 0 && file.read(location.file_offset, page.first(length)) ? length : 0;
}

bool KdumpMemory::each_state(
    std::uint32_t part, std::uint64_t offset, std::uint64_t pages,
    const std::function<bool(std::uint64_t count, State state)>& each) const {
  constexpr std::uint64_t at_once = 512;
  const std::uint64_t size = sizes_[part];
  const std::uint64_t whole =
      offset < size ? std::min(pages, (size - offset) / descriptor_size) : 0;
  std::array<std::byte, at_once * descriptor_size> copy;
  for (std::uint64_t done = 0; done < whole;) {
    const std::uint64_t at = offset + done * descriptor_size;
    const std::uint64_t number = std::min(at_once, whole - done);
    // Descriptors that nobody wrote are all zero: their writer was stopped before them. To ask is a
    // system call, too much for a few.
    const std::uint64_t zeros =
        number < at_once ? 0 : (parts_[part].file->next_stored(at) - at) / descriptor_size;
    if (zeros != 0) {
      const std::uint64_t count = std::min(zeros, whole - done);
      if (!each(count, State::truncated)) return false;
      done += count;
      continue;
    }
    const auto length = static_cast<std::size_t>(number * descriptor_size);
    Bytes descriptors;
    if (!mapped_[part].empty())
      descriptors = mapped_[part].subspan(static_cast<std::size_t>(at), length);
    else if (const auto bytes = MutableBytes(copy).first(length);
             parts_[part].file->read(at, bytes))
      descriptors = bytes;
    for (std::uint64_t i = 0; i < number; ++i) {
      // Where not all can be read together some may be alone.
      const auto descriptor = descriptors.empty() ? descriptor_at(part, at + i * descriptor_size)
                                                  : decode(descriptors.data() + i * descriptor_size,
                                                           parts_[part].order);
      Codec codec{};
      if (!each(1, descriptor ? state_of(*descriptor, part, codec) : State::truncated))
        return false;
    }
    done += number;
  }
  return whole == pages || each(pages - whole, State::truncated);
}

void KdumpMemory::ranges(const std::function<bool(const PhysicalRange&)>& visit) const {
  RangeJoiner joiner(visit);
  const auto add = [&](std::uint64_t first, std::uint64_t end, bool present, Absence absence) {
    return joiner.add({first << page_shift_, end << page_shift_, present, absence});
  };
  for (const KdumpStretch& stretch : stretches_) {
    const PageBits& dumped = stretch.dumped.bits();
    const std::uint64_t base = stretch.bits_base;
    for (std::uint64_t frame = stretch.first_frame; frame < stretch.end_frame;) {
      std::uint64_t end = base + dumped.run_end(frame - base, stretch.end_frame - base);
      bool present = false;
      Absence absence = Absence::none;
      if (!dumped.test(frame - base)) {
        absence = frame - base >= dumped.bits_in_file() ? Absence::truncated : absence_of(frame);
        if (existing_ && absence != Absence::truncated) end = existing_->run_end(frame, end);
      } else if (!stretch.part) {
        absence = Absence::other_part;
      } else if (damaged_) {
        const bool go_on =
            each_state(*stretch.part, descriptor_offset(stretch, frame), end - frame,
                       [&](std::uint64_t count, State state) {
                         const std::uint64_t first = std::exchange(frame, frame + count);
                         return add(first, frame, state == State::whole,
                                    state == State::truncated ? Absence::truncated : Absence::none);
                       });
        if (!go_on) return;
        continue;
      } else {
        present = true;
      }
      if (!add(frame, end, present, absence)) return;
      frame = end;
    }
  }
  joiner.finish();
}

bool KdumpMemory::ends_whole() const {
  // Page data follows the order of the descriptors, but for zero pages, which share one early copy:
  // look back over some of them.
  constexpr std::uint64_t most_looked_at = 1024;
  for (std::size_t i = 0; i < stretches_.size(); ++i) {
    const KdumpStretch& stretch = stretches_[i];
    if (!stretch.part) continue;
    if (stretch.end_frame - stretch.bits_base > stretch.dumped.bits().bits_in_file()) return false;
    const std::uint64_t pages = stretch.dumped.count() - first_ranks_[i];
    const std::uint64_t descriptors = parts_[*stretch.part].descriptors_offset;
    for (std::uint64_t back = 1; back <= std::min(pages, most_looked_at); ++back) {
      const auto descriptor =
          descriptor_at(*stretch.part, descriptors + (pages - back) * descriptor_size);
      Codec codec{};
      if (!descriptor || state_of(*descriptor, *stretch.part, codec) == State::truncated)
        return false;
    }
  }
  return true;
}

}  // namespace panicroom
