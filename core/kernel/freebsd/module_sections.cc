// FreeBSD sys/kern/link_elf_obj.c: struct elf_file, which begins with its linker_file, and
// Elf_progent.
#include "core/kernel/freebsd/module_sections.h"

#include <fmt/format.h>

#include <utility>

#include "core/kernel/field.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t most_sections = std::uint64_t{1} << 16;
constexpr std::size_t longest_name = 256;

}  // namespace

Result<std::map<std::string, ModulePlace::Section>> read_module_sections(Evidence& evidence,
                                                                         std::uint64_t module) {
  const Field table{"elf_file", "progtab"}, length{"elf_file", "nprogtab"},
      address{"Elf_progent", "addr"}, size{"Elf_progent", "size"}, name{"Elf_progent", "name"};
  PANICROOM_TRY(first, table.read(evidence, module));
  PANICROOM_TRY(count, length.read(evidence, module));
  PANICROOM_TRY(stride, evidence.size_of("Elf_progent"));
  if (count > most_sections)
    return fail_at_address(
        ErrorCode::corrupt, module,
        fmt::format("a module with {} sections, where one has at most {}", count, most_sections));
  std::map<std::string, ModulePlace::Section> sections;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = first + i * stride;
    PANICROOM_TRY(place, address.read(evidence, at));
    PANICROOM_TRY(bytes, size.read(evidence, at));
    PANICROOM_TRY(text_at, name.read(evidence, at));
    if (text_at == 0) continue;  // the file had no names for its sections
    PANICROOM_TRY(text, evidence.memory().string(text_at, longest_name));
    sections.emplace(std::move(text), ModulePlace::Section{place, bytes});
  }
  return sections;
}

}  // namespace panicroom::freebsd
