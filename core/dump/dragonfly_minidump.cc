#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/dump/file_regions.h"
#include "core/dump/minidump_memory.h"
#include "core/dump/openers.h"

// Source: DragonFlyBSD sys/platform/pc64/include/minidump.h (struct minidumphdr2) and
// sys/platform/pc64/x86_64/minidump_machdep.c (minidumpsys), since 5.1, read as facts.

namespace panicroom {
namespace {

constexpr std::uint64_t header_size = 80;
constexpr std::uint64_t name_offset = 17;  // after "minidump DFlyBSD/"
constexpr std::uint64_t page_size = 4096;
// One bit for each page of 52 bits of physical addresses.
constexpr std::uint64_t largest_bitmap = std::uint64_t{1} << 37;

struct Region {
  std::uint64_t offset = 0, size = 0;
};

struct Header {
  Region message_buffer, bitmap, map;
  std::uint64_t data = 0;
  std::uint64_t kernbase = 0, dmapbase = 0, dmapend = 0;
};

Result<Header> read_header(const ByteSource& file) {
  PANICROOM_TRY(bytes, read_bytes(file, 0, header_size, header_size));
  const Reader reader(bytes, std::endian::little);
  if (const std::string_view name = reader.text(name_offset, 24 - name_offset); name != "x86-64")
    return fail_at_offset(ErrorCode::unsupported, name_offset,
                          fmt::format("this is a DragonFly minidump of architecture \"{}\"; "
                                      "x86-64 is supported",
                                      printable(name)));
  if (const std::uint32_t version = *reader.u32(24); version != 2)
    return fail_at_offset(
        ErrorCode::unsupported, 24,
        fmt::format("this is a DragonFly minidump of version {}; version 2 is known (and version "
                    "1, which calls itself FreeBSD's)",
                    version));
  Header header;
  header.message_buffer.size = *reader.u64(32);
  header.bitmap.size = *reader.u64(40);
  header.map.size = *reader.u64(48);
  header.kernbase = *reader.u64(56);
  header.dmapbase = *reader.u64(64);
  header.dmapend = *reader.u64(72);
  if (header.bitmap.size > largest_bitmap)
    return fail_at_offset(ErrorCode::corrupt, 40,
                          fmt::format("the minidump's bitmap of pages is said to have {} bytes: "
                                      "more than there are addresses for",
                                      header.bitmap.size));
  // Every region begins on a page.
  std::uint64_t at = page_size;
  for (Region* region : {&header.message_buffer, &header.bitmap, &header.map}) {
    const auto padded = round_up(region->size, page_size);
    const auto end = padded ? checked_add(at, *padded) : std::nullopt;
    if (!end)
      return fail_at_offset(ErrorCode::corrupt, 32,
                            "the minidump's message buffer, bitmap and page map are larger than "
                            "any file");
    region->offset = std::exchange(at, *end);
  }
  header.data = at;
  return header;
}

void add_regions(const Header& header, std::uint64_t pages, const ByteSource& file, Dump& dump) {
  FileRegions regions(file.size(), 0);
  const auto add = [&](const Region& region, std::string_view what) {
    regions.add(region.offset, *round_up(region.size, page_size), std::string(what));
  };
  regions.add(0, page_size, "header");
  add(header.message_buffer, "message buffer");
  add(header.bitmap, "bitmap of dumped pages");
  add(header.map, "page map");
  regions.add(header.data, pages * page_size, "page data");
  dump.regions = regions.finish("beyond the last page");
}

}  // namespace

Result<Dump> open_dragonfly_minidump(const SourcePtr& file) {
  PANICROOM_TRY(header, read_header(*file));
  Dump dump;
  PANICROOM_TRY(pages,
                add_dumped_pages(file, MinidumpPlaces{page_size, header.bitmap.offset, header.data},
                                 {{0, header.bitmap.size * 8, 0}}, false, dump));
  add_regions(header, pages, *file, dump);
  dump.format = "DragonFly minidump v2";
  dump.machine = {Architecture::x86_64, 8, std::endian::little, page_size};
  dump.message_buffer.emplace(header.message_buffer.offset, header.message_buffer.size);

  MinidumpMap& map = dump.minidump.emplace();
  map.version = 2;
  map.of_dragonfly = true;
  map.kernbase = header.kernbase;
  map.dmapbase = header.dmapbase;
  map.dmapend = header.dmapend;
  map.map_offset = header.map.offset;
  map.map_size = header.map.size;
  map.file = file;
  return dump;
}

}  // namespace panicroom
