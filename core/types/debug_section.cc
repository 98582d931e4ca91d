#include "core/types/debug_section.h"

#include <elf.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

// Bytes of a section that is filled in whole; the largest modules' .debug_info has some 300 MiB.
constexpr std::uint64_t kModuleLimit = std::uint64_t{sizeof(void*) == 4 ? 64U : 512U} << 20;

/// What a relocation of debugging information fills in.
struct RelocatedField {
  unsigned width = 0;      ///< bytes; 0: not known
  bool from_here = false;  ///< it counts from where it stands
};

RelocatedField relocated_field(Architecture architecture, std::uint32_t type) {
  switch (architecture) {
    case Architecture::x86_64:
      if (type == R_X86_64_64) return {8};
      if (type == R_X86_64_32 || type == R_X86_64_32S) return {4};
      if (type == R_X86_64_PC32) return {4, true};
      if (type == R_X86_64_PC64) return {8, true};
      return {};
    case Architecture::i386:
      if (type == R_386_32) return {4};
      if (type == R_386_PC32) return {4, true};
      return {};
    case Architecture::aarch64:
      if (type == R_AARCH64_ABS64) return {8};
      if (type == R_AARCH64_ABS32) return {4};
      if (type == R_AARCH64_PREL32) return {4, true};
      if (type == R_AARCH64_PREL64) return {8, true};
      return {};
    case Architecture::riscv64:
      if (type == R_RISCV_64) return {8};
      if (type == R_RISCV_32) return {4};
      return {};
    default:
      return {};
  }
}

void put(std::byte* at, std::uint64_t value, unsigned width, std::endian order) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned shift = 8 * (order == std::endian::little ? i : width - 1 - i);
    at[i] = static_cast<std::byte>(value >> shift & 0xff);
  }
}

/// A relocatable file's section as a linker would fill it in: its references to other sections are
/// in the relocations alone. Symbols' values count from their sections' addresses.
Result<LazyBytes> relocated(const SourcePtr& file, const ElfSections& elf, LazyBytes section,
                            std::uint64_t address, const ElfSection& relocations) {
  const bool wide = elf.machine.pointer_size == 8;
  const unsigned word = wide ? 8 : 4;
  const std::endian order = elf.machine.order;
  const bool with_addend = relocations.type == SHT_RELA;
  const std::uint64_t entry = std::uint64_t{with_addend ? 3U : 2U} * word;
  const std::uint64_t symbol_size = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  if (relocations.link >= elf.sections.size()) return section;
  if (section.size() > kModuleLimit)
    return fail_at_offset(
        ErrorCode::unsupported, relocations.offset,
        fmt::format("a section of {} bytes is not linked: at most {} are filled in by {}",
                    section.size(), kModuleLimit, printable(relocations.name)));
  PANICROOM_TRY(table, section_bytes(file, elf, relocations));
  PANICROOM_TRY(symbols, section_bytes(file, elf, elf.sections[relocations.link]));
  const std::byte* from = section.at(0, section.size());
  if (from == nullptr) return Failure(section.error());
  std::vector<std::byte> bytes(from, from + section.size());
  for (std::uint64_t i = 0; i < table.size() / entry; ++i) {
    const std::byte* raw = table.at(i * entry, entry);
    if (raw == nullptr) return Failure(table.error());
    const Reader reader({raw, static_cast<std::size_t>(entry)}, order);
    const std::uint64_t place = *reader.word(0, word), info = *reader.word(word, word);
    const std::uint64_t symbol = wide ? info >> 32 : info >> 8;
    const auto type = static_cast<std::uint32_t>(wide ? info & 0xffffffff : info & 0xff);
    const auto [width, from_here] = relocated_field(elf.machine.architecture, type);
    if (width == 0 || !contains(bytes.size(), place, width)) continue;
    const std::byte* known = symbol < symbols.size() / symbol_size
                                 ? symbols.at(symbol * symbol_size, symbol_size)
                                 : nullptr;
    if (known == nullptr) continue;
    const Reader told({known, static_cast<std::size_t>(symbol_size)}, order);
    std::byte* field = bytes.data() + place;
    std::uint64_t value = *told.word(wide ? 8 : 4, word);
    // The numbers of no section (absolute, common, more than 16 bits) lie above all others.
    if (const std::uint16_t number = *told.u16(wide ? 6 : 14); number < elf.sections.size())
      value += elf.sections[number].address;
    if (from_here) value -= address + place;
    if (with_addend)
      value += *reader.word(std::uint64_t{2} * word, word);
    else
      value += width == 8 ? load<std::uint64_t>(field, order) : load<std::uint32_t>(field, order);
    put(field, value, width, order);
  }
  return LazyBytes(std::move(bytes));
}

}  // namespace

Result<LazyBytes> debug_section(const SourcePtr& file, const ElfSections& elf,
                                std::string_view name) {
  const ElfSection* section = elf.find(name);
  if (section == nullptr) return LazyBytes(std::vector<std::byte>());
  PANICROOM_TRY(bytes, section_bytes(file, elf, *section));
  if (elf.type != ET_REL) return bytes;
  for (const char* kind : {".rela", ".rel"})
    if (const ElfSection* relocations = elf.find(kind + std::string(name)))
      return relocated(file, elf, std::move(bytes), section->address, *relocations);
  return bytes;
}

}  // namespace panicroom
