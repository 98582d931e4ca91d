#include "core/types/dwarf.h"

#include <fmt/format.h>

#include "core/base/printable.h"
#include "core/symbols/elf_sections.h"
#include "core/types/debug_section.h"
#include "core/types/section_bytes.h"

namespace panicroom {

Result<std::shared_ptr<DwarfGraph>> read_dwarf(const SourcePtr& file) {
  PANICROOM_TRY(elf, read_elf_sections(*file));
  const std::string name = printable(base_name(file->name()));
  if (elf.find(".debug_info") == nullptr)
    return fail(ErrorCode::no_type, fmt::format("{} carries no DWARF", name));
  const auto read = [&]() -> Result<std::shared_ptr<DwarfGraph>> {
    PANICROOM_TRY(info, debug_section(file, elf, ".debug_info"));
    PANICROOM_TRY(abbreviations, debug_section(file, elf, ".debug_abbrev"));
    PANICROOM_TRY(strings, debug_section(file, elf, ".debug_str"));
    PANICROOM_TRY(line_strings, debug_section(file, elf, ".debug_line_str"));
    PANICROOM_TRY(string_offsets, debug_section(file, elf, ".debug_str_offsets"));
    return DwarfGraph::open({std::move(info), std::move(abbreviations), std::move(strings),
                             std::move(line_strings), std::move(string_offsets), elf.machine.order},
                            elf.machine.pointer_size, fmt::format("DWARF of {}", name));
  };
  auto graph = read();
  if (!graph) return Failure(graph.error().within(name));
  return graph;
}

}  // namespace panicroom
