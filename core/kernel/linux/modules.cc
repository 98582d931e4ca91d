#include "core/kernel/linux/modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"
#include "core/base/loop_guard.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_modules = 1U << 16U;
constexpr std::uint64_t most_symbols = 1U << 20U;      // of one module
constexpr std::uint64_t most_symbol_text = 1U << 24U;  // of one module, bytes
constexpr std::size_t longest_name = 512;              // KSYM_NAME_LEN

struct Layout {
  Member list, name, text_base, text_size;
  std::optional<Member> orc_count, orc_ips, orc_entries;
};

Result<Layout> read_layout(Evidence& evidence) {
  Layout layout;
  PANICROOM_TRY(types, evidence.types());
  PANICROOM_TRY(list, types->member("module", "list"));
  PANICROOM_TRY(name, types->member("module", "name"));
  layout.list = list;
  layout.name = name;
  // One range for each kind of memory since Linux 6.4, MOD_TEXT first; core_layout from 4.5; before
  // that members of their own.
  constexpr std::pair<std::string_view, std::string_view> forms[] = {
      {"mem[0].base", "mem[0].size"},
      {"core_layout.base", "core_layout.text_size"},
      {"module_core", "core_text_size"}};
  std::optional<Error> why;
  for (const auto& [base_path, size_path] : forms) {
    const auto base = types->member("module", base_path), size = types->member("module", size_path);
    if (base && size) {
      layout.text_base = *base;
      layout.text_size = *size;
      why.reset();
      break;
    }
    if (!why) why = !base ? base.error() : size.error();
  }
  if (why) return Failure(*why);
  const auto count = types->member("module", "arch.num_orcs");
  const auto ips = types->member("module", "arch.orc_unwind_ip");
  const auto entries = types->member("module", "arch.orc_unwind");
  if (count && ips && entries) {
    layout.orc_count = *count;
    layout.orc_ips = *ips;
    layout.orc_entries = *entries;
  }
  return layout;
}

Result<Module> read_module(Evidence& evidence, const Layout& layout, std::uint64_t address) {
  Module module;
  module.address = address;
  PANICROOM_TRY(name, evidence.memory().string(address + layout.name.offset,
                                               static_cast<std::size_t>(std::min<std::uint64_t>(
                                                   layout.name.size, longest_name))));
  PANICROOM_TRY(base, evidence.field(address, layout.text_base));
  PANICROOM_TRY(size, evidence.field(address, layout.text_size));
  const auto end = checked_add(base, size);
  if (!end)
    return fail_at_address(ErrorCode::corrupt, address, "a module's code has an impossible size");
  module.name = std::move(name);
  module.text = {base, *end};
  if (!layout.orc_count) return module;
  PANICROOM_TRY(count, evidence.field(address, *layout.orc_count));
  PANICROOM_TRY(ips, evidence.field(address, *layout.orc_ips));
  PANICROOM_TRY(entries, evidence.field(address, *layout.orc_entries));
  if (count == 0 || ips == 0 || entries == 0) return module;
  OrcTables tables;
  tables.ip_table = ips;
  tables.unwind_table = entries;
  tables.count = count;
  module.orc = tables;
  return module;
}

/// Symbols whose names live beside them.
struct ModuleSymbols {
  std::vector<std::unique_ptr<std::string>> names;
  std::vector<Symbol> symbols;
};

/// A module's part of its symbol table that the kernel keeps: struct mod_kallsyms.
Result<void> read_symbols(Evidence& evidence, std::uint64_t module, ModuleSymbols& into) {
  PANICROOM_TRY(types, evidence.types());
  AddressSpace& memory = evidence.memory();
  PANICROOM_TRY(kallsyms, evidence.member("module", "kallsyms"));
  PANICROOM_TRY(table, evidence.field(module, kallsyms));
  if (table == 0) return {};
  PANICROOM_TRY(symtab, evidence.member("mod_kallsyms", "symtab"));
  PANICROOM_TRY(num_symtab, evidence.member("mod_kallsyms", "num_symtab"));
  PANICROOM_TRY(strtab, evidence.member("mod_kallsyms", "strtab"));
  PANICROOM_TRY(first, evidence.field(table, symtab));
  PANICROOM_TRY(count, evidence.field(table, num_symtab));
  PANICROOM_TRY(texts, evidence.field(table, strtab));
  std::uint64_t letters = 0;
  if (const auto typetab = types->member("mod_kallsyms", "typetab"))
    if (const auto place = evidence.field(table, *typetab)) letters = *place;
  if (count > most_symbols)
    return fail_at_address(ErrorCode::corrupt, table, "a module has impossibly many symbols");

  // ELF's own layout: name, info, other, section, value, size; 32-bit has value and size earlier.
  const bool wide = evidence.pointer_size() == 8;
  const std::uint64_t entry = wide ? 24 : 16;
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * entry));
  PANICROOM_CHECK(memory.read(first, bytes));
  const Reader reader(bytes, memory.machine().order);
  std::uint64_t text_bytes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = i * entry;
    const auto name = reader.u32(at);
    const auto section = reader.u16(at + (wide ? 6 : 14));
    const auto value = reader.word(at + (wide ? 8 : 4), wide ? 8 : 4);
    const auto size = reader.word(at + (wide ? 16 : 8), wide ? 8 : 4);
    if (!name || !section || !value || !size || *name == 0 || *section == 0) continue;
    auto text = memory.string(texts + *name, longest_name);
    if (!text || text->empty()) continue;
    text_bytes += text->size();
    if (text_bytes > most_symbol_text)
      return fail_at_address(ErrorCode::corrupt, texts, "a module's symbol names are too long");
    char letter = '?';
    if (letters != 0)
      if (const auto byte = memory.u8(letters + i)) letter = static_cast<char>(*byte);
    into.names.push_back(std::make_unique<std::string>(std::move(*text)));
    into.symbols.push_back(Symbol{*into.names.back(), *value, *size, letter});
  }
  return {};
}

class KernelAndModules final : public SymbolTable {
 public:
  KernelAndModules(std::shared_ptr<const SymbolTable> kernel,
                   std::unique_ptr<SymbolTable> of_modules, std::vector<AddressRange> texts)
      : kernel_(std::move(kernel)), modules_(std::move(of_modules)), texts_(std::move(texts)) {}

  std::string_view origin() const override { return kernel_->origin(); }
  std::size_t size() const override { return kernel_->size(); }
  std::span<const Symbol> all() const override { return kernel_->all(); }
  std::optional<Symbol> find(std::string_view name) const override {
    if (auto symbol = kernel_->find(name)) return symbol;
    return modules_->find(name);
  }
  std::vector<std::optional<Symbol>> find_all(
      std::span<const std::string_view> names) const override {
    auto found = kernel_->find_all(names);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (!found[i]) found[i] = modules_->find(names[i]);
    return found;
  }
  std::optional<Symbol> at(std::uint64_t address) const override {
    for (const AddressRange& text : texts_)
      if (address >= text.start && address < text.end) return modules_->at(address);
    return kernel_->at(address);
  }

 private:
  std::shared_ptr<const SymbolTable> kernel_;
  std::unique_ptr<SymbolTable> modules_;
  std::vector<AddressRange> texts_;
};

}  // namespace

Result<std::vector<Module>> read_modules(Evidence& evidence, Notes& notes) {
  PANICROOM_TRY(head, evidence.address_of("modules"));
  PANICROOM_TRY(layout, read_layout(evidence));
  std::vector<Module> modules;
  LoopGuard guard(most_modules);
  auto link = evidence.memory().word(head);
  while (link && *link != head && *link != 0) {
    if (!guard.step(*link)) {
      notes.add(Note{ErrorCode::corrupt, "the list of modules is a cycle", *link});
      return modules;
    }
    auto module = read_module(evidence, layout, *link - layout.list.offset);
    if (module)
      modules.push_back(std::move(*module));
    else
      notes.add(module.error().within("a module"));
    link = evidence.memory().word(*link);
  }
  if (!link) notes.add(link.error().within("the list of modules breaks off"));
  return modules;
}

std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const std::vector<Module>& modules) {
  auto owned = std::make_shared<ModuleSymbols>();
  std::vector<AddressRange> texts;
  for (const Module& module : modules) {
    // A module without symbols costs its frames' names, nothing else.
    static_cast<void>(read_symbols(evidence, module.address, *owned));
    texts.push_back(module.text);
  }
  if (owned->symbols.empty()) return kernel;
  auto symbols = owned->symbols;
  auto table = make_symbol_table("modules in the dump", std::move(symbols), owned);
  return std::make_shared<KernelAndModules>(std::move(kernel), std::move(table), std::move(texts));
}

}  // namespace panicroom::linux_kernel
