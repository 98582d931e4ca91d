#include "core/kernel/dragonfly/modules.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/printable.h"
#include "core/kernel/module_symbols.h"

namespace panicroom::dragonfly {
namespace {

// struct elf_file of sys/kern/link_elf_obj.c, the same from 5.0 to 5.9. The types of the kernel may
// have that of link_elf.c by this name, which is another.
constexpr std::uint64_t symbols_at = 88, count_at = 96, texts_at = 104, texts_size_at = 112;

Result<void> read_symbols(Evidence& evidence, std::uint64_t module, ModuleSymbols& into) {
  PANICROOM_TRY(file, Field("linker_file", "priv").read(evidence, module));
  if (file == 0) return {};
  AddressSpace& memory = evidence.memory();
  PANICROOM_TRY(first, memory.u64(file + symbols_at));
  PANICROOM_TRY(count, memory.u64(file + count_at));
  PANICROOM_TRY(texts, memory.u64(file + texts_at));
  PANICROOM_TRY(size, memory.u64(file + texts_size_at));
  if (first == 0 || count == 0) return {};
  return into.read(memory, {first, count, texts, size, 0, {}});
}

}  // namespace

std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const LinkedModules& modules, Notes& notes) {
  ModuleSymbols symbols;
  for (const LinkedModule& module : modules.all())
    // A module without symbols costs its frames' names, nothing else.
    if (const auto read = read_symbols(evidence, module.address, symbols); !read)
      notes.add(
          read.error().within(fmt::format("the symbols of the module {}", printable(module.name))));
  return std::move(symbols).join(std::move(kernel), [&modules](std::uint64_t address) {
    return modules.at(address) != nullptr;
  });
}

}  // namespace panicroom::dragonfly
