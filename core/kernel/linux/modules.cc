#include "core/kernel/linux/modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/loop_guard.h"
#include "core/base/printable.h"
#include "core/kernel/module_symbols.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_modules = 1U << 16U;
constexpr std::size_t longest_name = 512;  // KSYM_NAME_LEN

struct Layout {
  Member list, name, text_base, text_size;
  std::optional<Member> orc_count, orc_ips, orc_entries;
  std::optional<Member> per_cpu, per_cpu_size;
  std::vector<std::pair<Member, Member>> memory;  ///< bases and sizes of all that stays loaded
};

// enum mod_mem_type of Linux include/linux/module.h has seven kinds, those that only a module's
// start needs last.
constexpr std::uint64_t most_parts = 8;

/// Where the bases and sizes of a module's memory lie: one for each kind since Linux 6.4.
Result<std::vector<std::pair<Member, Member>>> places_of_memory(const TypeCatalog& types) {
  std::vector<std::pair<Member, Member>> places;
  if (const auto kinds = types.member("module", "mem")) {
    for (std::uint64_t i = 0; i < std::min(kinds->count, most_parts); ++i) {
      PANICROOM_TRY(base, types.member("module", fmt::format("mem[{}].base", i)));
      PANICROOM_TRY(size, types.member("module", fmt::format("mem[{}].size", i)));
      places.emplace_back(base, size);
    }
    return places;
  }
  const bool layouts = types.member("module", "core_layout.base").has_value();
  PANICROOM_TRY(base, types.member("module", layouts ? "core_layout.base" : "module_core"));
  PANICROOM_TRY(size, types.member("module", layouts ? "core_layout.size" : "core_size"));
  places.emplace_back(base, size);
  return places;
}

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
  // Where the data lies is told apart from where the code lies: the latter is needed more.
  if (auto memory = places_of_memory(*types)) layout.memory = std::move(*memory);
  const auto per_cpu = types->member("module", "percpu");
  const auto per_cpu_size = types->member("module", "percpu_size");
  if (per_cpu && per_cpu_size) {  // CONFIG_SMP
    layout.per_cpu = *per_cpu;
    layout.per_cpu_size = *per_cpu_size;
  }
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
  module.memory = {module.text};
  for (const auto& [part_base, part_size] : layout.memory) {
    PANICROOM_TRY(start, evidence.field(address, part_base));
    PANICROOM_TRY(length, evidence.field(address, part_size));
    if (const auto stop = checked_add(start, length); stop && length != 0)
      module.memory.push_back({start, *stop});
  }
  if (layout.per_cpu) {
    PANICROOM_TRY(start, evidence.field(address, *layout.per_cpu));
    PANICROOM_TRY(length, evidence.field(address, *layout.per_cpu_size));
    if (const auto stop = checked_add(start, length)) module.per_cpu = {start, *stop};
  }
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
  const auto letter = [&](std::uint64_t index) {
    if (letters == 0) return '?';
    const auto byte = memory.u8(letters + index);
    return byte && *byte != 0 ? static_cast<char>(*byte) : '?';
  };
  return into.read(memory, {first, count, texts, 0, 0, letter});
}

}  // namespace

Modules::Modules(std::vector<Module> modules) : modules_(std::move(modules)) {
  for (std::size_t i = 0; i < modules_.size(); ++i)
    for (const AddressRange& range : modules_[i].memory) parts_.push_back({range, i});
  // Of two that begin together the longer one comes last and is found.
  std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) {
    return std::pair(a.range.start, a.range.end) < std::pair(b.range.start, b.range.end);
  });
}

const Module* Modules::at(std::uint64_t address) const {
  const auto after = std::upper_bound(
      parts_.begin(), parts_.end(), address,
      [](std::uint64_t value, const Part& part) { return value < part.range.start; });
  // A module's code may lie within its memory as one whole.
  for (auto part = after; part != parts_.begin() && after - part < 2;)
    if (address < (--part)->range.end) return &modules_[part->module];
  return nullptr;
}

Result<Modules> read_modules(Evidence& evidence, Notes& notes) {
  PANICROOM_TRY(head, evidence.address_of("modules"));
  PANICROOM_TRY(layout, read_layout(evidence));
  std::vector<Module> modules;
  VisitOnce guard(most_modules);
  auto link = evidence.memory().word(head);
  while (link && *link != head && *link != 0) {
    if (!guard.step(*link)) {
      notes.add(Note{ErrorCode::corrupt, "the list of modules is a cycle", *link});
      return Modules(std::move(modules));
    }
    auto module = read_module(evidence, layout, *link - layout.list.offset);
    if (module)
      modules.push_back(std::move(*module));
    else
      notes.add(module.error().within("a module"));
    link = evidence.memory().word(*link);
  }
  if (!link) notes.add(link.error().within("the list of modules breaks off"));
  return Modules(std::move(modules));
}

std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const Modules& modules, Notes& notes) {
  ModuleSymbols symbols;
  for (const Module& module : modules.all()) {
    // A module without symbols costs its frames' names, nothing else.
    if (const auto read = read_symbols(evidence, module.address, symbols); !read)
      notes.add(
          read.error().within(fmt::format("the symbols of the module {}", printable(module.name))));
  }
  return std::move(symbols).join(std::move(kernel), [&modules](std::uint64_t address) {
    return modules.at(address) != nullptr;
  });
}

}  // namespace panicroom::linux_kernel
