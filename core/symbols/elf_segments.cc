// Offsets of fields: System V ABI, chapter 5 (Elf32_/Elf64_Phdr), as in elf.h.
#include "core/symbols/elf_segments.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"
#include "core/base/printable.h"
#include "core/symbols/elf_header.h"

namespace panicroom {
namespace {

constexpr std::size_t most_segments = 64;

}  // namespace

Result<std::vector<LoadedSegment>> read_elf_segments(const ByteSource& file) {
  PANICROOM_TRY(header, read_elf_header(file));
  const bool wide = header.wide();
  const unsigned word = header.machine.pointer_size;
  const std::uint64_t size = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
  const ElfHeader::Table& table = header.segments;
  std::vector<LoadedSegment> found;
  if (table.place == 0 || table.count == 0) return found;
  if (table.entry != size || !contains(file.size(), table.place, table.count * size))
    return fail_at_offset(
        ErrorCode::corrupt, table.place,
        fmt::format("{}'s {} program headers leave the file", printable(file.name()), table.count));
  PANICROOM_TRY(bytes, read_bytes(file, table.place, table.count * size, table.count * size));
  const Reader fields(bytes, header.machine.order);
  for (std::uint64_t at = 0; at < bytes.size() && found.size() < most_segments; at += size) {
    if (fields.u32(at) != PT_LOAD) continue;
    LoadedSegment segment;
    const std::uint64_t first = at + (wide ? 8 : 4);  // offset, addresses and sizes in a row
    segment.offset = fields.word(first, word).value_or(0);
    segment.virtual_address = fields.word(first + word, word).value_or(0);
    segment.physical_address = fields.word(first + std::uint64_t{2} * word, word).value_or(0);
    segment.file_size = fields.word(first + std::uint64_t{3} * word, word).value_or(0);
    segment.memory_size = fields.word(first + std::uint64_t{4} * word, word).value_or(0);
    segment.writable = (fields.u32(at + (wide ? 4 : 24)).value_or(0) & PF_W) != 0;
    found.push_back(segment);
  }
  return found;
}

}  // namespace panicroom
