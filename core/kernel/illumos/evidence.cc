#include "core/kernel/illumos/evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/printable.h"
#include "core/kernel/illumos/ctf_in_memory.h"
#include "core/kernel/illumos/release_layouts.h"

namespace panicroom::illumos {
namespace {

constexpr std::string_view first_module = "unix", kernel_module = "genunix";
constexpr std::string_view first_process = "sched";
constexpr std::size_t longest_name = 16;  // MAXCOMLEN

}  // namespace

Evidence::Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
                   std::unique_ptr<PageTable> table)
    : KernelEvidence(inputs, std::move(symbols), std::move(table), "unix.N"),
      built_in_structures_(*this) {}

Result<Member> Evidence::BuiltInStructures::member(std::string_view structure,
                                                   std::string_view path) {
  const Architecture architecture = evidence_.memory().machine().architecture;
  if (const ReleaseLayout* layout = release_layout(architecture))
    if (const auto found = layout->member(structure, path)) return *found;
  return fail(ErrorCode::no_type, fmt::format("{} of struct {} is not built in for {}", path,
                                              structure, name(architecture)));
}

Result<std::vector<ModuleRecord>> Evidence::read_modules() {
  PANICROOM_TRY(first, address_of("modules"));
  std::vector<ModuleRecord> modules;
  Notes broken;
  PANICROOM_CHECK(for_each_module(
      built_in_structures_, first,
      [&modules](const ModuleRecord& module) {
        if (module.module != 0 || modules.empty()) modules.push_back(module);
        return true;
      },
      broken));
  const std::string found = modules.empty() ? "" : modules.front().name;
  if (found == first_module) return modules;
  std::string why;
  for (const Note& note : broken.take())
    if (why.empty()) why = ": " + note.text;
  return fail_at_address(ErrorCode::corrupt, first,
                         fmt::format("the first of the kernel's modules is expected to be {}, "
                                     "found \"{}\"{}",
                                     first_module, printable(found), why));
}

const Result<std::vector<ModuleRecord>>& Evidence::modules() {
  if (!modules_) modules_ = read_modules();
  return *modules_;
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::types_in_memory() {
  const auto& all = modules();
  if (!all) return Failure(all.error());
  const auto kernel = std::find_if(all->begin(), all->end(), [](const ModuleRecord& module) {
    return module.name == kernel_module;
  });
  if (kernel == all->end())
    return fail(ErrorCode::no_type,
                fmt::format("the kernel's modules do not have {}", kernel_module));
  PANICROOM_TRY(graph, read_module_ctf(built_in_structures_, *kernel, nullptr));
  if (!graph->parent_name().empty())
    return fail(ErrorCode::corrupt, fmt::format("{} goes on from {}, where it should stand alone",
                                                graph->origin(), printable(graph->parent_name())));
  const auto others = [this, graph] {
    TypeCatalog::Graphs graphs;
    for (const ModuleRecord& module : *modules()) {
      if (module.name == kernel_module) continue;
      // What a module lacks, another may have: the catalog says when a name is nowhere.
      auto own = read_module_ctf(built_in_structures_, module, graph);
      if (own && ((*own)->parent_name().empty() || (*own)->parent_name() == kernel_module))
        graphs.push_back(*std::move(own));
    }
    return graphs;
  };
  return std::make_shared<const TypeCatalog>(graph, others);
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::read_types() {
  auto own = types_in_memory();
  if (own) return own;
  why_not_in_memory_ = own.error().message();
  auto given = KernelEvidence::read_types();
  if (given || given.error().code != ErrorCode::no_type) return given;
  return Failure(own.error().within("the kernel's types (CTF in the dump)"));
}

std::string Evidence::why_no_types() {
  const auto catalog = types();
  if (catalog) return why_not_its_types(**catalog);
  return fmt::format("the kernel's types (CTF in the dump) are not known ({})",
                     why_not_in_memory_.empty() ? catalog.error().text : why_not_in_memory_);
}

template <class Lookup>
std::string Evidence::contradiction(const Lookup& member, bool must_be_readable) {
  const auto p0 = address_of("p0");
  if (!p0) return must_be_readable ? "there is no symbol p0 to check it by" : "";
  const auto id = member("proc", "p_pidp"), number = member("pid", "pid_id"),
             name = member("proc", "p_user.u_comm");
  if (!id || !number || !name) return "it does not know struct proc";
  const auto at = field(*p0, *id);
  const auto pid = at ? field(*at, *number) : at;
  const auto text = memory().string(*p0 + name->offset, longest_name);
  if (!pid || !text) return must_be_readable ? "process 0 (p0) cannot be read by it" : "";
  if (*pid == 0 && *text == first_process) return "";
  return fmt::format("by it p0 is process {} with the name \"{}\", expected 0 and {}", *pid,
                     printable(*text), first_process);
}

std::string Evidence::why_not_its_types(const TypeCatalog& types) {
  const std::string why = contradiction(
      [&types](std::string_view structure, std::string_view path) -> std::optional<Member> {
        const auto found = types.member(structure, path);
        return found ? std::optional(*found) : std::nullopt;
      },
      false);
  return why.empty() ? "" : fmt::format("{} is not this kernel's: {}", types.origin(), why);
}

KernelEvidence::BuiltIn Evidence::find_built_in() {
  const Architecture architecture = dump().machine.architecture;
  const ReleaseLayout* layout = release_layout(architecture);
  BuiltIn found;
  if (layout == nullptr) {
    found.why_none = fmt::format("no layout of illumos on {} is built in", name(architecture));
    return found;
  }
  const std::string why =
      contradiction([layout](std::string_view structure,
                             std::string_view path) { return layout->member(structure, path); },
                    true);
  if (why.empty()) {
    found.layout = layout;
    found.nearest_to = dump().version.empty() ? "this kernel" : printable(dump().version);
  } else {
    found.why_none =
        fmt::format("the layout of {} that is built in is not its: {}", layout->name, why);
  }
  return found;
}

const ModuleRecord* Evidence::module_of(std::uint64_t address) {
  const auto& all = modules();
  if (!all) return nullptr;
  for (const ModuleRecord& module : *all)
    if (module.text != 0 && address >= module.text && address - module.text < module.text_size)
      return &module;
  return nullptr;
}

std::optional<std::string> Evidence::module_at(std::uint64_t address) {
  const ModuleRecord* module = module_of(address);
  if (module == nullptr || module->name == first_module || module->name == kernel_module)
    return std::nullopt;
  return module->name;
}

bool Evidence::is_text(std::uint64_t address) {
  if (module_of(address) != nullptr) return true;
  const bool upper_half =
      pointer_size() == 8 ? address >> 63U != 0 : address >= UINT64_C(0x80000000);
  if (!upper_half) return false;
  // Modules that are not in the ring (yet) have no place; their functions still have names.
  const auto function = symbols() ? symbols()->at(address) : std::nullopt;
  if (function) return function->type == 'T' || function->type == 't' || function->type == 'W';
  return !modules() && memory().translate(address).has_value();
}

}  // namespace panicroom::illumos
