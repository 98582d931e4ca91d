#include "core/kernel/kernel_image.h"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::size_t most_samples = 64;
constexpr std::uint64_t least_distance = 256;  // between samples of a small image
constexpr std::size_t searched = 4096;         // for a piece that is worth comparing
constexpr std::size_t least_different = 12;    // of a piece's bytes

std::size_t different_bytes(Bytes bytes) {
  std::bitset<256> seen;
  for (const std::byte byte : bytes) seen.set(std::to_integer<std::size_t>(byte));
  return seen.count();
}

/// Linkers that were not told put the virtual address there, or zero.
void place_where_untold(std::vector<LoadedSegment>& segments) {
  const auto untold = std::count_if(segments.begin(), segments.end(), [](const auto& segment) {
    return segment.physical_address == 0;
  });
  if (untold < 2) return;
  for (LoadedSegment& segment : segments) segment.physical_address = segment.virtual_address;
}

/// The first piece worth comparing from `offset` of the segment's bytes on.
std::optional<KernelImage::Sample> sample_at(const ByteSource& file, const LoadedSegment& segment,
                                             std::uint64_t offset) {
  constexpr std::size_t size = KernelImage::sample_size;
  const auto first = round_up(segment.virtual_address + offset, size);
  if (!first) return std::nullopt;
  const std::uint64_t within = *first - segment.virtual_address;
  if (within >= segment.file_size) return std::nullopt;
  std::array<std::byte, searched> buffer{};
  const auto length = static_cast<std::size_t>(
      std::min<std::uint64_t>(searched, round_down(segment.file_size - within, size)));
  if (length == 0 || !file.read(segment.offset + within, MutableBytes(buffer).first(length)))
    return std::nullopt;
  for (std::size_t at = 0; at < length; at += size) {
    const Bytes piece = Bytes(buffer).subspan(at, size);
    if (different_bytes(piece) < least_different) continue;
    KernelImage::Sample sample;
    sample.address = *first + at;
    std::memcpy(sample.bytes.data(), piece.data(), size);
    return sample;
  }
  return std::nullopt;
}

void compare(PhysicalReader& memory, std::uint64_t physical, const KernelImage::Sample& sample,
             ImageMatch& match) {
  std::array<std::byte, KernelImage::sample_size> found{};
  // Zeros are where nobody wrote: memory that was freed, a copy's holes.
  if (!memory.read(physical, found) || found == decltype(found){})
    ++match.absent;
  else if (found == sample.bytes)
    ++match.same;
  else
    ++match.other;
}

}  // namespace

Result<KernelImage> KernelImage::read(const ByteSource& file) {
  KernelImage image;
  PANICROOM_TRY(segments, read_elf_segments(file));
  for (LoadedSegment& segment : segments) {
    // What the file does not hold is not compared; no address wraps.
    segment.file_size = std::min(segment.file_size, segment.memory_size);
    if (!contains(file.size(), segment.offset, segment.file_size)) segment.file_size = 0;
    if (segment.memory_size == 0 || !checked_add(segment.virtual_address, segment.memory_size - 1))
      continue;
    image.segments_.push_back(segment);
  }
  place_where_untold(image.segments_);
  const bool any_constant = std::any_of(
      image.segments_.begin(), image.segments_.end(),
      [](const LoadedSegment& segment) { return !segment.writable && segment.file_size != 0; });
  std::uint64_t total = 0;
  for (const LoadedSegment& segment : image.segments_)
    if (!(any_constant && segment.writable)) total += segment.file_size;
  const std::uint64_t distance = std::max(total / most_samples + 1, least_distance);
  for (const LoadedSegment& segment : image.segments_) {
    if (any_constant && segment.writable) continue;
    std::uint64_t next = 0;  // where the piece before ends
    for (std::uint64_t at = 0; at < segment.file_size; at += distance) {
      if (image.samples_.size() == most_samples) return image;
      const auto sample = sample_at(file, segment, std::max(at, next));
      if (!sample) continue;
      next = sample->address - segment.virtual_address + sample_size;
      image.samples_.push_back(*sample);
    }
  }
  return image;
}

std::optional<std::uint64_t> KernelImage::linked_at(std::uint64_t address) const {
  for (const LoadedSegment& segment : segments_)
    if (address >= segment.virtual_address &&
        address - segment.virtual_address < segment.memory_size)
      return address - segment.virtual_address + segment.physical_address;
  return std::nullopt;
}

ImageMatch KernelImage::match_physical(PhysicalReader& memory, std::uint64_t shift) const {
  ImageMatch match;
  for (const Sample& sample : samples_)
    if (const auto linked = linked_at(sample.address))
      compare(memory, *linked + shift, sample, match);
  return match;
}

ImageMatch KernelImage::match_virtual(PhysicalReader& memory, const PageTable& table) const {
  ImageMatch match;
  for (const Sample& sample : samples_) {
    const auto found = table.walk(sample.address, memory, nullptr);
    if (found)
      compare(memory, found->physical, sample, match);
    else
      ++match.absent;
  }
  return match;
}

}  // namespace panicroom
