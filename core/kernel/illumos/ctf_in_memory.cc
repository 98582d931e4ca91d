#include "core/kernel/illumos/ctf_in_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/printable.h"
#include "core/types/ctf.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t most_symbols = 1U << 20;  // of one module
constexpr std::uint64_t most_names = 64U << 20U;  // bytes of one module's names

LazyBytes bytes_at(Structures& structures, std::uint64_t start, std::uint64_t size) {
  return LazyBytes(size, start, [&structures, start](std::uint64_t offset, MutableBytes out) {
    return structures.memory().read(start + offset, out);
  });
}

/// Where the module's symbols and their names lie in memory; nothing where that is not known.
struct SymbolPlaces {
  std::uint64_t symbols = 0, symbols_size = 0, names = 0, names_size = 0;
};
std::optional<SymbolPlaces> symbols_of(Structures& structures, std::uint64_t module) {
  const Field table("module", "symtbl"), count("module", "nsyms"), names("module", "strings"),
      space("module", "symspace"), space_size("module", "symsize");
  const auto first = table.read(structures, module);
  const auto number = count.read(structures, module);
  const auto texts = names.read(structures, module);
  if (!first || !number || !texts || *first == 0 || *texts == 0 || *number > most_symbols)
    return std::nullopt;
  SymbolPlaces places;
  places.symbols = *first;
  places.symbols_size = *number * (structures.pointer_size() == 8 ? 24 : 16);
  places.names = *texts;
  // Symbols, their names and the hash table lie in one piece (uts/common/krtld/kobj.c).
  const auto start = space.read(structures, module);
  const auto size = space_size.read(structures, module);
  places.names_size = start && size && *texts >= *start && *texts - *start < *size
                          ? *size - (*texts - *start)
                          : most_names;
  places.names_size = std::min(places.names_size, most_names);
  return places;
}

}  // namespace

Result<std::shared_ptr<CtfGraph>> read_module_ctf(Structures& structures,
                                                  const ModuleRecord& module,
                                                  std::shared_ptr<CtfGraph> parent) {
  PANICROOM_TRY(place, find_ctf(structures, module.module));
  const Machine& machine = structures.memory().machine();
  if (place.size > structures.memory_present())
    return fail_at_address(
        ErrorCode::corrupt, place.start,
        fmt::format("CTF has {} bytes, more than the dump holds of memory", place.size));
  CtfInput input{bytes_at(structures, place.start, place.size),
                 machine.order,
                 machine.pointer_size,
                 fmt::format("CTF of {} in the dump", printable(module.name)),
                 nullptr,
                 {},
                 std::move(parent)};
  if (const auto symbols = symbols_of(structures, module.module)) {
    input.symbol_names =
        std::make_shared<LazyBytes>(bytes_at(structures, symbols->names, symbols->names_size));
    input.objects = ctf_objects(
        std::make_shared<LazyBytes>(bytes_at(structures, symbols->symbols, symbols->symbols_size)),
        input.symbol_names, machine.order, machine.pointer_size == 8);
  }
  auto graph = CtfGraph::open(std::move(input));
  if (!graph)
    return Failure(
        graph.error().within(fmt::format("CTF of {} in the dump", printable(module.name))));
  return graph;
}

}  // namespace panicroom::illumos
