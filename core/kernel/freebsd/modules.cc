#include "core/kernel/freebsd/modules.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/printable.h"
#include "core/kernel/field.h"
#include "core/kernel/module_symbols.h"

namespace panicroom::freebsd {
namespace {

/// Two linkers have a struct elf_file each: that of relocatable files, which modules are on amd64,
/// keeps values as they came to be, that of shared objects as they were linked. The types may hold
/// either.
class SymbolTables {
 public:
  explicit SymbolTables(Evidence& evidence)
      : evidence_(evidence),
        relocatable_(evidence.memory().machine().architecture == Architecture::x86_64) {}

  Result<void> read(std::uint64_t file, ModuleSymbols& into) {
    PANICROOM_CHECK(form());
    PANICROOM_TRY(first, symbols_.read(evidence_, file));
    PANICROOM_TRY(count, count_.read(evidence_, file));
    PANICROOM_TRY(texts, texts_.read(evidence_, file));
    PANICROOM_TRY(size, texts_size_.read(evidence_, file));
    if (first == 0 || count == 0) return {};
    std::uint64_t bias = 0;
    if (!relocatable_) {
      PANICROOM_TRY(base, base_.read(evidence_, file));
      bias = base;
    }
    return into.read(evidence_.memory(), {first, count, texts, size, bias, {}});
  }

 private:
  Result<void> form() {
    const Field& own = relocatable_ ? of_relocatable_ : of_shared_;
    if (own.exists(evidence_)) return {};
    PANICROOM_CHECK(symbols_.member(evidence_));
    return fail(ErrorCode::no_type,
                "the types have struct elf_file only as another linker of the kernel has it");
  }

  Evidence& evidence_;
  bool relocatable_;
  Field of_relocatable_{"elf_file", "progtab"}, of_shared_{"elf_file", "dynamic"},
      symbols_{"elf_file", "ddbsymtab"}, count_{"elf_file", "ddbsymcnt"},
      texts_{"elf_file", "ddbstrtab"}, texts_size_{"elf_file", "ddbstrcnt"},
      base_{"elf_file", "address"};
};

}  // namespace

std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const LinkedModules& modules, Notes& notes) {
  ModuleSymbols symbols;
  SymbolTables tables(evidence);
  for (const LinkedModule& module : modules.all())
    // A module without symbols costs its frames' names, nothing else.
    if (const auto read = tables.read(module.address, symbols); !read)
      notes.add(
          read.error().within(fmt::format("the symbols of the module {}", printable(module.name))));
  return std::move(symbols).join(std::move(kernel), [&modules](std::uint64_t address) {
    return modules.at(address) != nullptr;
  });
}

}  // namespace panicroom::freebsd
