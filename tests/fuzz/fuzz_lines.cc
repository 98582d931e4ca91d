// Input: an ELF file with DWARF, linked or relocatable; or sections, one after the other, each with
// its length before it (32 bits, little-endian): .debug_info, .debug_abbrev, .debug_str,
// .debug_line_str, .debug_str_offsets, .debug_addr, .debug_ranges, .debug_rnglists, .debug_line,
// .debug_aranges.
#include <array>
#include <span>
#include <vector>

#include "core/types/source_lines.h"

namespace {

using namespace panicroom;

void question(SourceLines& lines) {
  for (const std::uint64_t address :
       {std::uint64_t{0x1000}, std::uint64_t{0x1100}, std::uint64_t{0x2020},
        std::uint64_t{0x401000}, 0xffffffff81000010, ~std::uint64_t{0}}) {
    const auto found = lines.at(address);
    if (found && *found && (*found)->file.empty()) __builtin_trap();
    const auto calls = lines.calls_at(address);
    if (calls && calls->line && calls->line->file.empty()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (std::size_t{1} << 20)) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  if (size > 4 && data[0] == 0x7f) {
    const auto file = memory_source("fuzz", std::vector<std::byte>(input.begin(), input.end()));
    auto elf = read_elf_sections(*file);
    if (!elf) return 0;
    for (ElfSection& section : elf->sections)
      if (elf->type == 1 && (section.flags & 2) != 0) section.address = 0xffffffff81000000;
    if (const auto lines = read_source_lines(file, *elf)) question(**lines);
    return 0;
  }
  std::array<std::vector<std::byte>, 10> parts;
  std::size_t at = 0;
  for (auto& part : parts) {
    if (size - at < 4) break;
    const std::size_t length = std::min<std::size_t>(
        load<std::uint32_t>(input.data() + at, std::endian::little), size - at - 4);
    const Bytes bytes = input.subspan(at + 4, length);
    part.assign(bytes.begin(), bytes.end());
    at += 4 + length;
  }
  SourceLines lines(
      SourceLineSections{{LazyBytes(parts[0]), LazyBytes(parts[1]), LazyBytes(parts[2]),
                          LazyBytes(parts[3]), LazyBytes(parts[4]), std::endian::little},
                         {LazyBytes(parts[5]), LazyBytes(parts[6]), LazyBytes(parts[7])},
                         LazyBytes(parts[8]),
                         LazyBytes(parts[9])});
  question(lines);
  return 0;
}
