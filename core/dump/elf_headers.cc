#include "core/dump/elf_headers.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"

namespace panicroom {
namespace {

constexpr std::uint16_t pn_xnum = 0xffff;  // the count is in section header 0
// QEMU writes one for each stretch of mapped pages: 65,798 of a small guest.
constexpr std::size_t most_segments = sizeof(void*) == 4 ? 1U << 20 : 1U << 22;

// Source: System V ABI, chapters "ELF Header" and "Program Header"; offsets for both classes.
struct Layout {
  std::uint64_t header_size, segments_at, sections_at, segment_entry_at;
  std::uint64_t section_size, section_info_at;
  std::uint64_t segment_size, offset, virtual_address, physical_address, file_size, memory_size;
};
constexpr Layout layout32 = {52, 28, 32, 42, 40, 28, 32, 4, 8, 12, 16, 20};
constexpr Layout layout64 = {64, 32, 40, 54, 64, 44, 56, 8, 16, 24, 32, 40};

ElfSegment segment_at(const Reader& reader, std::uint64_t at, const Layout& layout,
                      unsigned width) {
  ElfSegment segment;
  segment.type = *reader.u32(at);
  segment.offset = *reader.word(at + layout.offset, width);
  segment.virtual_address = *reader.word(at + layout.virtual_address, width);
  segment.physical_address = *reader.word(at + layout.physical_address, width);
  segment.file_size = *reader.word(at + layout.file_size, width);
  segment.memory_size = *reader.word(at + layout.memory_size, width);
  return segment;
}

Result<void> read_segments(const ByteSource& file, const Layout& layout, ElfCoreHeaders& headers) {
  const std::uint64_t room =
      headers.segments_offset < file.size() ? file.size() - headers.segments_offset : 0;
  const std::uint64_t count = std::min(headers.segment_count, room / headers.segment_size);
  constexpr std::uint64_t at_once = 1024;
  for (std::uint64_t first = 0; first < count; first += at_once) {
    // Headers of zeros that nobody wrote are no segments: they need not be read.
    const std::uint64_t stored =
        file.next_stored(headers.segments_offset + first * headers.segment_size);
    first = std::max(first, (stored - headers.segments_offset) / headers.segment_size);
    if (first >= count) break;
    const std::uint64_t number = std::min(at_once, count - first);
    const std::uint64_t offset = headers.segments_offset + first * headers.segment_size;
    const std::uint64_t length = number * headers.segment_size;
    PANICROOM_TRY(bytes, read_bytes(file, offset, length, length));
    const Reader reader(bytes, headers.order);
    for (std::uint64_t i = 0; i < number; ++i) {
      ElfSegment segment = segment_at(reader, i * headers.segment_size, layout, headers.width);
      segment.header_offset = offset + i * headers.segment_size;
      if (segment.type != elf_pt_load && segment.type != elf_pt_note) continue;
      if (headers.segments.size() == most_segments)
        return fail_at_offset(ErrorCode::unsupported, segment.header_offset,
                              fmt::format("the ELF core has more than {} segments", most_segments));
      headers.segments.push_back(segment);
    }
  }
  return {};
}

}  // namespace

Result<ElfCoreHeaders> read_elf_core_headers(const ByteSource& file) {
  PANICROOM_TRY(ident, read_bytes(file, 0, 16, 16));
  const auto elf_class = std::to_integer<unsigned>(ident[4]);
  const auto data = std::to_integer<unsigned>(ident[5]);
  if ((elf_class != 1 && elf_class != 2) || (data != 1 && data != 2))
    return fail_at_offset(
        ErrorCode::corrupt, 4,
        fmt::format("the ELF header names class {} and byte order {}; each must be 1 or 2",
                    elf_class, data));
  const Layout& layout = elf_class == 1 ? layout32 : layout64;
  ElfCoreHeaders headers;
  headers.width = elf_class == 1 ? 4 : 8;
  headers.order = data == 1 ? std::endian::little : std::endian::big;
  headers.headers_size = layout.header_size;
  PANICROOM_TRY(bytes, read_bytes(file, 0, layout.header_size, layout.header_size));
  const Reader reader(bytes, headers.order);
  headers.machine = *reader.u16(18);
  headers.segments_offset = *reader.word(layout.segments_at, headers.width);
  headers.segment_size = *reader.u16(layout.segment_entry_at);
  headers.segment_count = *reader.u16(layout.segment_entry_at + 2);
  const std::uint64_t sections = *reader.word(layout.sections_at, headers.width);
  const std::uint64_t section_size = *reader.u16(layout.segment_entry_at + 4);
  const std::uint64_t section_count = *reader.u16(layout.segment_entry_at + 6);
  headers.section_headers_offset = sections;
  headers.section_headers_size = sections == 0 ? 0 : section_size * section_count;
  if (headers.segment_count == pn_xnum && sections != 0) {
    PANICROOM_TRY(section, read_bytes(file, sections, layout.section_size, layout.section_size));
    const std::uint32_t count = *Reader(section, headers.order).u32(layout.section_info_at);
    if (count != 0) headers.segment_count = count;
  }
  if (headers.segment_count != 0 && headers.segment_size < layout.segment_size)
    return fail_at_offset(
        ErrorCode::corrupt, layout.segment_entry_at,
        fmt::format("the ELF header gives {} bytes to a program header, which needs {}",
                    headers.segment_size, layout.segment_size));
  if (headers.segment_count == 0)
    return fail_at_offset(ErrorCode::corrupt, layout.segment_entry_at + 2,
                          "the ELF core has no program headers, so no memory");
  PANICROOM_CHECK(read_segments(file, layout, headers));
  return headers;
}

}  // namespace panicroom
