// Offsets of fields: System V ABI, chapter 4 (Elf32_/Elf64_Ehdr), as in elf.h.
#include "core/symbols/elf_header.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/bytes.h"
#include "core/base/printable.h"

namespace panicroom {

Result<ElfHeader> read_elf_header(const ByteSource& file) {
  const auto no_elf = [&file] {
    return fail_at_offset(ErrorCode::unsupported, 0,
                          fmt::format("{} is no ELF file", printable(file.name())));
  };
  std::array<std::byte, sizeof(Elf64_Ehdr)> bytes{};
  if (file.size() < sizeof(Elf32_Ehdr)) return no_elf();
  const auto have = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), bytes.size()));
  PANICROOM_CHECK(file.read(0, MutableBytes(bytes).first(have)));
  if (std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) return no_elf();
  const auto width = std::to_integer<unsigned>(bytes[EI_CLASS]);
  const auto data = std::to_integer<unsigned>(bytes[EI_DATA]);
  if ((width != ELFCLASS32 && width != ELFCLASS64) ||
      (data != ELFDATA2LSB && data != ELFDATA2MSB) ||
      (width == ELFCLASS64 && have < sizeof(Elf64_Ehdr)))
    return no_elf();
  const bool wide = width == ELFCLASS64;
  const unsigned word = wide ? 8 : 4;
  const Reader fields({bytes.data(), have},
                      data == ELFDATA2LSB ? std::endian::little : std::endian::big);
  ElfHeader header;
  header.type = fields.u16(16).value_or(0);
  header.machine.architecture = architecture_of_elf_machine(fields.u16(18).value_or(0));
  header.machine.pointer_size = static_cast<std::uint8_t>(word);
  header.machine.order = fields.order();
  header.segments = {fields.word(wide ? 32 : 28, word).value_or(0),
                     fields.u16(wide ? 54 : 42).value_or(0),
                     fields.u16(wide ? 56 : 44).value_or(0)};
  header.sections = {fields.word(wide ? 40 : 32, word).value_or(0),
                     fields.u16(wide ? 58 : 46).value_or(0),
                     fields.u16(wide ? 60 : 48).value_or(0)};
  header.names = fields.u16(wide ? 62 : 50).value_or(0);
  return header;
}

}  // namespace panicroom
