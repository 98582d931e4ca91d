#include "core/dump/elf_memory.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "core/base/arithmetic.h"
#include "core/dump/stored_page.h"

namespace panicroom {
namespace {

constexpr std::uint64_t largest_unit = 4096;
// Firmware leaves odd ends such as 0x9fc00; a page that two states share is cut down to this at
// least.
constexpr std::uint64_t smallest_unit = 512;

/// The largest page of which no segment begins or ends within one.
std::uint32_t unit_of(const std::vector<ElfSegment>& segments) {
  std::uint64_t edges = largest_unit;
  for (const ElfSegment& segment : segments)
    edges |= segment.physical_address | segment.file_size | segment.memory_size;
  const std::uint64_t unit = std::uint64_t{1} << std::countr_zero(edges);
  return static_cast<std::uint32_t>(std::clamp(unit, smallest_unit, largest_unit));
}

/// Of file offsets that may be anything: what leaves the address space is past the end of the file
/// too.
std::uint64_t sum(std::uint64_t offset, std::uint64_t length) {
  return checked_add(offset, length).value_or(~std::uint64_t{0});
}

}  // namespace

ElfMemory::ElfMemory(SourcePtr file, const std::vector<ElfSegment>& segments,
                     std::string_view record)
    : file_(std::move(file)),
      mapped_(file_->view(0, file_->size())),
      record_(record),
      page_size_(unit_of(segments)) {
  std::vector<Piece> stored;
  stored.reserve(segments.size());
  std::vector<Piece> excluded;
  for (const ElfSegment& segment : segments) {
    // The last byte of the address space cannot be followed by an end: such a segment loses its
    // tail.
    const std::uint64_t room = ~std::uint64_t{0} - segment.physical_address;
    const std::uint64_t start = segment.physical_address;
    const std::uint64_t memory_size =
        std::min(std::max(segment.memory_size, segment.file_size), room);
    const std::uint64_t file_size = std::min(segment.file_size, room);
    const std::uint64_t in_file =
        segment.offset < file_->size() ? file_->size() - segment.offset : 0;
    std::uint64_t have = std::min(file_size, in_file);
    // The page in which the file ends is not whole, so it is not there.
    if (have != file_size) have = std::max(round_down(start + have, page_size_), start) - start;
    if (have != 0)
      stored.push_back({start, start + have, segment.offset, segment.header_offset, Absence::none});
    if (have != file_size) {
      whole_ = false;
      excluded.push_back({start + have, start + file_size, sum(segment.offset, have),
                          segment.header_offset, Absence::truncated});
    }
    if (memory_size > file_size)
      excluded.push_back(
          {start + file_size, start + memory_size, 0, segment.header_offset, Absence::excluded});
  }
  // Bytes that any segment has beat those that another one lacks.
  std::vector<Piece> pieces = disjoint(std::move(stored));
  std::vector<Piece> gaps;
  std::size_t next = 0;
  for (Piece lacking : disjoint(std::move(excluded))) {
    while (next < pieces.size() && pieces[next].end <= lacking.start) ++next;
    for (std::size_t i = next; i < pieces.size() && pieces[i].start < lacking.end; ++i) {
      if (pieces[i].start > lacking.start)
        gaps.push_back({lacking.start, pieces[i].start, lacking.offset, lacking.header_offset,
                        lacking.absence});
      const std::uint64_t start = std::min(pieces[i].end, lacking.end);
      lacking.offset = sum(lacking.offset, start - lacking.start);
      lacking.start = start;
    }
    if (lacking.start < lacking.end) gaps.push_back(lacking);
  }
  pieces_.resize(pieces.size() + gaps.size());
  std::merge(pieces.begin(), pieces.end(), gaps.begin(), gaps.end(), pieces_.begin(),
             [](const Piece& a, const Piece& b) { return a.start < b.start; });
  starts_.reserve(pieces_.size());
  for (const Piece& piece : pieces_) starts_.push_back(piece.start);
}

std::vector<ElfMemory::Piece> ElfMemory::disjoint(std::vector<Piece> pieces) {
  // Of equal pieces the one whose program header comes first.
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::tuple(a.start, b.end, a.header_offset) <
           std::tuple(b.start, a.end, b.header_offset);
  });
  std::vector<Piece> result;
  std::uint64_t covered = 0;
  for (Piece piece : pieces) {
    if (piece.end <= covered) continue;
    if (piece.start < covered) {
      piece.offset = sum(piece.offset, covered - piece.start);
      piece.start = covered;
    }
    covered = piece.end;
    if (!result.empty()) {
      Piece& last = result.back();
      const bool follows = last.end == piece.start && last.absence == piece.absence;
      if (follows && (piece.absence != Absence::none ||
                      last.offset + (last.end - last.start) == piece.offset)) {
        last.end = piece.end;
        continue;
      }
    }
    result.push_back(piece);
  }
  return result;
}

std::uint64_t ElfMemory::end() const { return pieces_.empty() ? 0 : pieces_.back().end; }

const ElfMemory::Piece* ElfMemory::piece_of(std::uint64_t address) const {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), address);
  if (next == starts_.begin()) return nullptr;
  const Piece& piece = pieces_[static_cast<std::size_t>(next - starts_.begin()) - 1];
  return address < piece.end ? &piece : nullptr;
}

PageLocation ElfMemory::locate(std::uint64_t address) const {
  PageLocation location;
  location.record = record_;
  const std::uint64_t page = round_down(address, page_size_);
  const Piece* piece = piece_of(page);
  if (piece == nullptr) return location;
  location.record_offset = piece->header_offset;
  location.absence = piece->absence;
  if (piece->absence == Absence::truncated) {
    const CutPage cut = cut_page(page);
    location.file_offset = cut.offset;
    location.stored_size = static_cast<std::uint32_t>(cut.length);
  }
  if (piece->absence != Absence::none) return location;
  location.file_offset = piece->offset + (page - piece->start);
  location.stored_size =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(page_size_, piece->end - page));
  location.present = true;
  return location;
}

Bytes ElfMemory::view(std::uint64_t address) const {
  if (mapped_.empty()) return {};
  const Piece* piece = piece_of(address);
  if (piece == nullptr || piece->absence != Absence::none) return {};
  // Only whole pages, so that mapped and unmapped files answer alike; read_page joins the others.
  const std::uint64_t end = round_down(piece->end, page_size_);
  if (address >= end || round_down(address, page_size_) < piece->start) return {};
  return mapped_.subspan(static_cast<std::size_t>(piece->offset + (address - piece->start)),
                         static_cast<std::size_t>(end - address));
}

Result<void> ElfMemory::read_page(std::uint64_t address, MutableBytes page, PageDecoder&) const {
  std::uint64_t at = address;
  while (!page.empty()) {
    const Piece* piece = piece_of(at);
    if (piece == nullptr) return absent_page(Absence::hole, address);
    if (piece->absence != Absence::none) return absent_page(piece->absence, address);
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(page.size(), piece->end - at));
    PANICROOM_CHECK(file_->read(piece->offset + (at - piece->start), page.first(length)));
    page = page.subspan(length);
    at += length;
  }
  return {};
}

ElfMemory::CutPage ElfMemory::cut_page(std::uint64_t address) const {
  const Piece* piece = piece_of(address);
  if (piece == nullptr || piece->absence != Absence::truncated) return {};
  const std::uint64_t offset = sum(piece->offset, address - piece->start);
  if (offset >= file_->size()) return {};
  return {offset,
          std::min({file_->size() - offset, piece->end - address, std::uint64_t{page_size_}})};
}

std::size_t ElfMemory::read_cut_page(std::uint64_t address, MutableBytes page) const {
  const CutPage cut = cut_page(address);
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(page.size(), cut.length));
  return length != 0 && file_->read(cut.offset, page.first(length)) ? length : 0;
}

void ElfMemory::ranges(const std::function<bool(const PhysicalRange&)>& visit) const {
  RangeJoiner joiner(visit);
  std::uint64_t at = 0;
  for (const Piece& piece : pieces_) {
    if (!joiner.add({at, piece.start, false, Absence::hole})) return;
    if (!joiner.add({piece.start, piece.end, piece.absence == Absence::none, piece.absence}))
      return;
    at = piece.end;
  }
  joiner.finish();
}

}  // namespace panicroom
