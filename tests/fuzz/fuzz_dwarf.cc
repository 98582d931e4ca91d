// Input: an ELF file with DWARF; or sections, one after the other, each with its length before it
// (32 bits, little-endian): .debug_info, .debug_abbrev, .debug_str, .debug_line_str,
// .debug_str_offsets.
#include <array>
#include <span>
#include <string>
#include <vector>

#include "core/types/btf.h"
#include "core/types/declaration.h"
#include "core/types/dwarf.h"
#include "core/types/export_types.h"
#include "core/types/layout.h"
#include "core/types/type_catalog.h"

namespace {

using namespace panicroom;

void question(const std::shared_ptr<DwarfGraph>& graph) {
  const TypeCatalog types(graph);
  for (const char* name : {"struct task", "list", "union value", "size_type", "nothing"}) {
    static_cast<void>(types.size_of(name));
    for (const char* path :
         {"tasks.prev", "hidden", "leaves[2][1].level", "low", "high", "tail[5]"})
      static_cast<void>(types.member(name, path));
    if (const auto found = types.find(name))
      static_cast<void>(lay_out(*found, [](const LayoutLine&) { return true; }));
  }
  const std::vector<std::string> names = {"struct task"};
  if (const auto written = export_types(types, names, {}, "00ff")) {
    if (!read_btf(memory_source("exported", written->file))) __builtin_trap();
  }
  for (const char* name : {"RUNNING", "nothing"}) static_cast<void>(types.enumerator(name));
  for (const char* name : {"variable", "nothing"})
    if (const auto found = types.variable(name)) static_cast<void>(declaration(*found, name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (std::size_t{1} << 20)) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  if (size > 4 && data[0] == 0x7f) {
    const auto graph =
        read_dwarf(memory_source("fuzz", std::vector<std::byte>(input.begin(), input.end())));
    if (graph) question(*graph);
    return 0;
  }
  std::array<std::vector<std::byte>, 5> sections;
  std::size_t at = 0;
  for (auto& section : sections) {
    if (size - at < 4) break;
    const std::size_t length = std::min<std::size_t>(
        load<std::uint32_t>(input.data() + at, std::endian::little), size - at - 4);
    const Bytes part = input.subspan(at + 4, length);
    section.assign(part.begin(), part.end());
    at += 4 + length;
  }
  const auto graph =
      DwarfGraph::open({LazyBytes(sections[0]), LazyBytes(sections[1]), LazyBytes(sections[2]),
                        LazyBytes(sections[3]), LazyBytes(sections[4]), std::endian::little},
                       8, "fuzz");
  if (graph) question(*graph);
  return 0;
}
