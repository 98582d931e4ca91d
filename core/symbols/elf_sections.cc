// Offsets of fields: System V ABI, chapter 4 (Elf32_/Elf64_Shdr), as in elf.h.
#include "core/symbols/elf_sections.h"

#include <elf.h>
#include <fmt/format.h>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"
#include "core/base/printable.h"
#include "core/symbols/elf_header.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kSectionsLimit = std::uint64_t{1} << 20;
constexpr std::uint64_t kNamesLimit = std::uint64_t{16} << 20;
constexpr std::uint64_t kNameLimit = 256;

ElfSection section_at(const Reader& table, std::uint64_t at, unsigned word) {
  ElfSection section;
  section.type = table.u32(at + 4).value_or(0);
  section.flags = table.word(at + 8, word).value_or(0);
  // Behind the flags: the address, the offset, the size, the link.
  const std::uint64_t behind = at + 8 + word;
  section.address = table.word(behind, word).value_or(0);
  section.offset = table.word(behind + word, word).value_or(0);
  section.size = table.word(behind + std::uint64_t{2} * word, word).value_or(0);
  section.link = table.u32(behind + std::uint64_t{3} * word).value_or(0);
  return section;
}

}  // namespace

const ElfSection* ElfSections::find(std::string_view name) const {
  for (const ElfSection& section : sections)
    if (section.name == name && section.type != SHT_NOBITS && section.type != SHT_NULL)
      return &section;
  return nullptr;
}

Result<ElfSections> read_elf_sections(const ByteSource& file) {
  PANICROOM_TRY(header, read_elf_header(file));
  const unsigned word = header.machine.pointer_size;
  const std::endian order = header.machine.order;
  ElfSections found;
  found.type = header.type;
  found.machine = header.machine;
  const std::uint64_t place = header.sections.place, entry = header.sections.entry;
  std::uint64_t count = header.sections.count, names = header.names;
  if (place == 0) return found;
  const std::uint64_t size = header.wide() ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
  const auto leaves = [&] {
    return fail_at_offset(
        ErrorCode::corrupt, place,
        fmt::format("{}'s {} section headers leave the file", printable(file.name()), count));
  };
  if (entry != size || !contains(file.size(), place, size)) return leaves();
  if (count == 0 || names == SHN_XINDEX) {
    // The first header has what the file header has no room for.
    PANICROOM_TRY(first, read_bytes(file, place, size, size));
    const ElfSection zero = section_at({first, order}, 0, word);
    if (count == 0) count = zero.size;
    if (names == SHN_XINDEX) names = zero.link;
  }
  if (count > kSectionsLimit || !contains(file.size(), place, count * size)) return leaves();
  PANICROOM_TRY(table, read_bytes(file, place, count * size, count * size));
  const Reader reader(table, order);
  for (std::uint64_t i = 0; i < count; ++i)
    found.sections.push_back(section_at(reader, i * size, word));
  if (names == 0 || names >= count) return found;
  const ElfSection strings = found.sections[static_cast<std::size_t>(names)];
  if (strings.type == SHT_NOBITS || !contains(file.size(), strings.offset, strings.size) ||
      strings.size > kNamesLimit)
    return fail_at_offset(ErrorCode::corrupt, strings.offset,
                          fmt::format("the names of {}'s sections take {} bytes, which leave it",
                                      printable(file.name()), strings.size));
  PANICROOM_TRY(text, read_bytes(file, strings.offset, strings.size, kNamesLimit));
  const Reader texts(text, order);
  for (std::uint64_t i = 0; i < count; ++i)
    found.sections[static_cast<std::size_t>(i)].name =
        texts.text(reader.u32(i * size).value_or(0), kNameLimit);
  return found;
}

}  // namespace panicroom
