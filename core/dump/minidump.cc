#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/dump/file_regions.h"
#include "core/dump/minidump_memory.h"
#include "core/dump/openers.h"

// Sources: freebsd-src sys/*/include/minidump.h and lib/libkvm/kvm_minidump_*.c, read as facts.

namespace panicroom {
namespace {

constexpr std::uint64_t header_size = 80;
constexpr std::uint64_t name_offset = 17;    // after "minidump FreeBSD/"
constexpr std::uint64_t longest_magic = 32;  // of powerpc64; the others have 24
constexpr std::uint64_t max_dump_avail_size = 1U << 20;

/// One architecture's header. Every one has version 24, msgbufsize 28, bitmapsize 32, size of the
/// page map 36 and kernbase 40.
struct HeaderLayout {
  std::string_view name;
  Architecture architecture;
  std::uint8_t pointer_size;
  std::uint32_t newest_version;
  std::uint32_t dump_avail_since;  // version
  std::uint64_t dump_avail_size_at;
  std::uint64_t dmapbase_at, dmapend_at, dmapphys_at;  // 0 where there is none
};

constexpr std::array<HeaderLayout, 3> layouts = {{
    {"amd64", Architecture::x86_64, 8, 3, 3, 64, 48, 56, 0},
    {"i386", Architecture::i386, 4, 2, 2, 48, 0, 0, 0},
    {"arm64", Architecture::aarch64, 8, 3, 2, 72, 56, 64, 48},
}};

struct Header {
  const HeaderLayout* layout = nullptr;
  std::uint32_t version = 0;
  std::uint32_t page_size = 4096;
  std::uint64_t message_buffer_size = 0, bitmap_size = 0, map_size = 0, dump_avail_size = 0;
  std::uint64_t message_buffer = 0, dump_avail = 0, bitmap = 0, map = 0,
                data = 0;  // offsets in the file
  std::uint64_t kernbase = 0, dmapbase = 0, dmapend = 0, dmapphys = 0;
  bool pae = false;
};

Result<std::uint32_t> page_size_of(const Header& header, const Reader& reader) {
  if (header.layout->architecture != Architecture::aarch64 || header.version < 3) return 4096U;
  switch (*reader.u32(76) & 3) {
    case 0:
      return 4096U;
    case 1:
      return 16384U;
    case 2:
      return 65536U;
    default:
      return fail_at_offset(ErrorCode::corrupt, 76, "the minidump's flags name no known page size");
  }
}

Result<Header> read_header(const ByteSource& file) {
  PANICROOM_TRY(bytes, read_bytes(file, 0, header_size, header_size));
  const Reader reader(bytes, std::endian::little);
  const std::string_view name = reader.text(name_offset, longest_magic - name_offset);
  Header header;
  for (const HeaderLayout& layout : layouts)
    if (layout.name == name) header.layout = &layout;
  if (header.layout == nullptr)
    return fail_at_offset(ErrorCode::unsupported, name_offset,
                          fmt::format("this is a FreeBSD minidump of architecture \"{}\"; amd64, "
                                      "i386 and arm64 are supported",
                                      printable(name)));
  const HeaderLayout& layout = *header.layout;
  header.version = *reader.u32(24);
  if (header.version < 1 || header.version > layout.newest_version)
    return fail_at_offset(
        ErrorCode::unsupported, 24,
        fmt::format("this is a FreeBSD {} minidump of version {}; versions 1 to {} are known",
                    layout.name, header.version, layout.newest_version));
  header.message_buffer_size = *reader.u32(28);
  header.bitmap_size = *reader.u32(32);
  header.map_size = *reader.u32(36);
  header.kernbase = *reader.word(40, layout.pointer_size);
  if (layout.dmapbase_at != 0) header.dmapbase = *reader.u64(layout.dmapbase_at);
  if (layout.dmapend_at != 0) header.dmapend = *reader.u64(layout.dmapend_at);
  if (layout.dmapphys_at != 0) header.dmapphys = *reader.u64(layout.dmapphys_at);
  if (layout.architecture == Architecture::i386) header.pae = *reader.u32(44) != 0;
  // In older versions these bytes are padding and may hold anything.
  if (header.version >= layout.dump_avail_since)
    header.dump_avail_size = *reader.u32(layout.dump_avail_size_at);
  PANICROOM_TRY(page_size, page_size_of(header, reader));
  header.page_size = page_size;

  // Every region begins on a page; the sizes are 32-bit, so the sums cannot overflow.
  std::uint64_t at = page_size;
  const auto place = [&](std::uint64_t size) {
    return std::exchange(at, at + *round_up(size, page_size));
  };
  header.message_buffer = place(header.message_buffer_size);
  header.dump_avail = place(header.dump_avail_size);
  header.bitmap = place(header.bitmap_size);
  header.map = place(header.map_size);
  header.data = at;
  return header;
}

/// dump_avail as words of `width` bytes; nothing when it is not what such a list must be.
std::optional<std::vector<NumberedRange>> numbered_ranges(const Reader& reader, unsigned width,
                                                          const Header& header) {
  std::vector<NumberedRange> ranges;
  std::uint64_t bits = 0;
  std::uint64_t last_end = 0;
  const std::uint64_t page = header.page_size;
  for (std::uint64_t at = 0;; at += std::uint64_t{2} * width) {
    const auto start = reader.word(at, width);
    const auto end = reader.word(at + width, width);
    if (!start || !end || *end == 0) break;
    if (*start < last_end || *start >= *end) return std::nullopt;
    const auto rounded_end = round_up(*end, page);
    if (!rounded_end) return std::nullopt;
    NumberedRange range;
    range.first_frame = *start / page;
    range.end_frame = *rounded_end / page;
    range.first_bit = bits;
    bits += range.end_frame - range.first_frame;
    last_end = *end;
    ranges.push_back(range);
  }
  if (ranges.empty() || bits > header.bitmap_size * 8) return std::nullopt;
  return ranges;
}

/// The writer rounds the bitmap up to a page.
bool fills_bitmap(const std::vector<NumberedRange>& ranges, const Header& header) {
  const NumberedRange& last = ranges.back();
  const std::uint64_t bits = last.first_bit + (last.end_frame - last.first_frame);
  return *round_up((bits + 7) / 8, header.page_size) ==
         *round_up(header.bitmap_size, header.page_size);
}

Result<std::vector<NumberedRange>> read_dump_avail(const ByteSource& file, const Header& header) {
  PANICROOM_TRY(bytes,
                read_bytes(file, header.dump_avail, header.dump_avail_size, max_dump_avail_size));
  const Reader reader(bytes, std::endian::little);
  auto ranges = numbered_ranges(reader, 8, header);
  // vm_paddr_t of an i386 kernel has 4 or 8 bytes; only one reading is a list that fits the bitmap.
  if (header.layout->architecture == Architecture::i386 &&
      (!ranges || !fills_bitmap(*ranges, header))) {
    auto narrow = numbered_ranges(reader, 4, header);
    if (narrow && (!ranges || fills_bitmap(*narrow, header))) ranges = std::move(narrow);
  }
  if (!ranges)
    return fail_at_offset(
        ErrorCode::corrupt, header.dump_avail,
        fmt::format(
            "the list of memory ranges (dump_avail) is not ascending or numbers more pages than "
            "the bitmap's {} bytes can hold",
            header.bitmap_size));
  return *std::move(ranges);
}

void add_regions(const Header& header, std::uint64_t pages, const ByteSource& file, Dump& dump) {
  FileRegions regions(file.size(), 0);
  const auto padded = [&](std::uint64_t size) { return *round_up(size, header.page_size); };
  regions.add(0, header.page_size, "header");
  regions.add(header.message_buffer, padded(header.message_buffer_size), "message buffer");
  regions.add(header.dump_avail, padded(header.dump_avail_size), "memory ranges (dump_avail)");
  regions.add(header.bitmap, padded(header.bitmap_size), "bitmap of dumped pages");
  regions.add(header.map, padded(header.map_size), "page map");
  regions.add(header.data, pages * header.page_size, "page data");
  dump.regions = regions.finish("beyond the last page");
}

}  // namespace

Result<Dump> open_minidump(const SourcePtr& file) {
  PANICROOM_TRY(header, read_header(*file));
  Dump dump;
  const std::uint64_t in_bitmap = header.bitmap_size * 8;
  std::vector<NumberedRange> ranges;
  bool gaps_are_holes = false;
  if (header.dump_avail_size == 0) {
    ranges.push_back({0, in_bitmap, 0});
  } else if (auto listed = read_dump_avail(*file, header)) {
    ranges = *std::move(listed);
    gaps_are_holes = true;
  } else if (listed.error().code == ErrorCode::not_in_dump) {
    dump.remarks.push_back(
        {ErrorCode::not_in_dump,
         "the file ends before its list of memory ranges: no page can be located",
         header.dump_avail});
  } else {
    return Failure(listed.error());
  }
  PANICROOM_TRY(pages,
                add_dumped_pages(file, MinidumpPlaces{header.page_size, header.bitmap, header.data},
                                 std::move(ranges), gaps_are_holes, dump));
  add_regions(header, pages, *file, dump);
  dump.format = fmt::format("FreeBSD minidump v{}", header.version);
  dump.machine = {header.layout->architecture, header.layout->pointer_size, std::endian::little,
                  header.page_size};
  dump.message_buffer.emplace(header.message_buffer, header.message_buffer_size);

  MinidumpMap& map = dump.minidump.emplace();
  map.version = header.version;
  map.kernbase = header.kernbase;
  map.dmapbase = header.dmapbase;
  map.dmapend = header.dmapend;
  map.dmapphys = header.dmapphys;
  map.pae = header.pae;
  map.map_offset = header.map;
  map.map_size = header.map_size;
  map.file = file;
  return dump;
}

}  // namespace panicroom
