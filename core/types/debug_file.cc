#include "core/types/debug_file.h"

#include <elf.h>
#include <fmt/format.h>

#include "core/base/printable.h"
#include "core/symbols/elf_sections.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kNotesLimit = std::uint64_t{1} << 16;
constexpr std::uint64_t kNameLimit = 256;

/// The bytes of the build id in a section of notes (System V ABI, chapter 5: three words, the name
/// and the descriptor padded to four bytes).
std::optional<Bytes> build_id_in(const Reader& notes) {
  for (std::uint64_t at = 0;;) {
    const auto name_size = notes.u32(at), size = notes.u32(at + 4), type = notes.u32(at + 8);
    if (!name_size || !size || !type) return std::nullopt;
    const std::uint64_t descriptor = at + 12 + (std::uint64_t{*name_size} + 3) / 4 * 4;
    if (*type == NT_GNU_BUILD_ID && *name_size == 4 && notes.text(at + 12, 4) == "GNU")
      return notes.slice(descriptor, *size);
    at = descriptor + (std::uint64_t{*size} + 3) / 4 * 4;
  }
}

}  // namespace

std::string build_id_of(const SourcePtr& file) {
  const auto elf = read_elf_sections(*file);
  if (!elf) return {};
  for (const ElfSection& section : elf->sections) {
    if (section.type != SHT_NOTE || section.size > kNotesLimit) continue;
    const auto bytes = read_bytes(*file, section.offset, section.size, kNotesLimit);
    if (!bytes) continue;
    const auto id = build_id_in(Reader(*bytes, elf->machine.order));
    if (!id || id->size() < 2) continue;
    std::string text;
    for (const std::byte byte : *id) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
  }
  return {};
}

std::optional<std::string> debug_file_path(const SourcePtr& file) {
  const auto elf = read_elf_sections(*file);
  if (!elf || elf->find(".debug_info") != nullptr) return std::nullopt;
  const std::string id = build_id_of(file);
  if (id.empty()) return std::nullopt;
  return fmt::format("/usr/lib/debug/.build-id/{}/{}.debug", id.substr(0, 2), id.substr(2));
}

std::string debug_link(const SourcePtr& file) {
  const auto elf = read_elf_sections(*file);
  if (!elf) return {};
  const ElfSection* section = elf->find(".gnu_debuglink");
  if (section == nullptr || section->size > kNotesLimit) return {};
  const auto bytes = read_bytes(*file, section->offset, section->size, kNotesLimit);
  if (!bytes) return {};
  return printable(Reader(*bytes, elf->machine.order).text(0, kNameLimit));
}

}  // namespace panicroom
