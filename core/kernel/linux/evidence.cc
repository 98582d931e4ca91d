#include "core/kernel/linux/evidence.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/base/printable.h"
#include "core/kernel/module_file.h"
#include "core/symbols/elf_symbols.h"
#include "core/symbols/kallsyms.h"
#include "core/types/btf.h"
#include "core/types/debug_file.h"
#include "core/types/file_types.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::size_t most_vmcoreinfo = 65536;

// What the answers ask for; a name that a kernel lacks costs nothing.
constexpr std::array<std::string_view, 32> wanted = {
    "__start_BTF",
    "__stop_BTF",
    "init_task",
    "runqueues",
    "__per_cpu_offset",
    "__per_cpu_start",
    "__per_cpu_end",
    "__cpu_possible_mask",
    "__cpu_online_mask",
    "__cpu_active_mask",
    "nr_cpu_ids",
    "panic_cpu",
    "crashing_cpu",
    "_stext",
    "_etext",
    "_sinittext",
    "_einittext",
    "__start_orc_unwind_ip",
    "__stop_orc_unwind_ip",
    "__start_orc_unwind",
    "__stop_orc_unwind",
    "init_uts_ns",
    "prb",
    "linux_banner",
    "vmcoreinfo_data",
    "tk_core",
    "modules",
    "init_top_pgt",
    "__start_init_task",
    "__end_init_task",
    "__start_init_stack",
    "__end_init_stack",
};

Error missing(std::string_view symbol) {
  return Error{ErrorCode::no_symbol, Absence::none,
               fmt::format("the kernel has no symbol {}", printable(symbol)), std::nullopt,
               std::nullopt};
}

/// True when the symbols lead to this kernel's own banner; nothing where they have none.
std::optional<bool> banner_agrees(AddressSpace& memory, const SymbolTable& symbols) {
  const auto banner = symbols.find("linux_banner");
  if (!banner) return std::nullopt;
  const auto text = memory.string(banner->address, 64);
  return text && text->starts_with("Linux version ");
}

}  // namespace

Evidence::Evidence(const Dump& dump, Paging paging, std::optional<Vmcoreinfo> vmcoreinfo)
    : dump_(dump),
      paging_(std::move(paging)),
      memory_(dump.memory, dump.machine, std::shared_ptr<const PageTable>(paging_.kernel_table())),
      vmcoreinfo_(std::move(vmcoreinfo)) {}

Result<void> Evidence::find_vmcoreinfo() {
  PANICROOM_TRY(place, address_of("vmcoreinfo_data"));
  PANICROOM_TRY(data, memory_.word(place));
  PANICROOM_TRY(text, memory_.string(data, most_vmcoreinfo));
  Vmcoreinfo info{std::move(text)};
  if (!info.value("OSRELEASE"))
    return fail_at_address(ErrorCode::corrupt, data, "the kernel's VMCOREINFO has no OSRELEASE");
  vmcoreinfo_ = std::move(info);
  return {};
}

Result<std::shared_ptr<const SymbolTable>> Evidence::read_symbols() {
  std::optional<Error> why;
  if (vmcoreinfo_) {
    if (const auto tables = kallsyms_from_vmcoreinfo(*vmcoreinfo_, memory_)) {
      auto symbols = read_kallsyms(memory_, *tables, stext());
      if (symbols) return symbols;
      why = symbols.error();
    }
  }
  const auto image = image_range(memory_, stext());
  if (!image) return Failure(why ? *why : image.error());
  const auto tables = find_kallsyms(memory_, image->start, image->end);
  if (!tables) return Failure(why ? *why : tables.error());
  return read_kallsyms(memory_, *tables, stext());
}

void Evidence::look_up_together() {
  addresses_.clear();
  if (!symbols_ || !*symbols_) return;
  const auto found = (**symbols_)->find_all(wanted);
  for (std::size_t i = 0; i < wanted.size() && i < found.size(); ++i)
    addresses_.emplace(wanted[i], found[i] ? std::optional(found[i]->address) : std::nullopt);
}

Result<std::shared_ptr<const SymbolTable>> Evidence::symbols() {
  if (!symbols_) {
    symbols_ = read_symbols();
    look_up_together();
  }
  return *symbols_;
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::read_types() {
  auto own = types_of_dump();
  if (own || type_files_.empty()) return own;
  std::vector<std::pair<std::string, SourcePtr>> files = type_files_;
  files.insert(files.end(), module_files_.begin(), module_files_.end());
  auto given = types_of_files(files, dump_.machine);
  if (given || given.error().code == ErrorCode::no_type) return given ? given : own;
  return given;
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::types_of_dump() {
  const auto named = address_of("__start_BTF");
  if (!named) {
    // Kernels built without CONFIG_KALLSYMS_ALL name their functions alone.
    PANICROOM_TRY(image, image_range(memory_, stext()));
    const auto found = find_btf(memory_, image.start, image.end);
    if (found) return types_at(found->start, found->end);
    return Failure(named.error().code == ErrorCode::no_symbol ? found.error() : named.error());
  }
  const std::uint64_t start = *named;
  PANICROOM_TRY(stop, address_of("__stop_BTF"));
  return types_at(start, stop);
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::types_at(std::uint64_t start,
                                                              std::uint64_t end) {
  PANICROOM_TRY(btf, read_btf(memory_, start, end, "BTF in the dump"));
  return std::make_shared<const TypeCatalog>(btf,
                                             [files = module_files_, machine = dump_.machine, btf] {
                                               return types_of_modules(files, machine, btf);
                                             });
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::types() {
  if (!types_) {
    types_ = read_types();
    if (!*types_) *types_ = Failure(types_->error().within("the kernel's types (BTF)"));
  }
  return *types_;
}

void Evidence::use_kernel_files(const KernelInputs& inputs, Notes& notes) {
  const auto build_id = vmcoreinfo_ ? vmcoreinfo_->value("BUILD-ID") : std::nullopt;
  bool taken = false;
  const auto modules = modules_of_files(inputs.kernel_files);
  for (std::size_t number = 0; number < modules.size(); ++number) {
    const auto& [file_name, file] = inputs.kernel_files[number];
    if (modules[number]) {
      module_files_.emplace_back(*modules[number], file);
      continue;
    }
    const auto refuse = [&](std::string why) {
      notes.add(Note{ErrorCode::invalid, fmt::format("{}: {}: not used", printable(file_name), why),
                     std::nullopt});
    };
    if (use_types_alone(file_name, file, notes)) continue;
    if (taken) continue;
    auto kernel = read_kernel_file(file);
    if (!kernel) {
      notes.add(kernel.error().within(printable(file_name)));
      continue;
    }
    if (kernel->machine.architecture != dump_.machine.architecture) {
      refuse(fmt::format("a kernel for {}, but the dump is of {}",
                         name(kernel->machine.architecture), name(dump_.machine.architecture)));
      continue;
    }
    if (build_id && !kernel->build_id.empty() && kernel->build_id != *build_id) {
      refuse(fmt::format("another kernel (build id {}, the dump's is {})", kernel->build_id,
                         printable(*build_id)));
      continue;
    }
    const auto linked = kernel->symbols->find("_stext");
    std::optional<std::uint64_t> run_time;
    if (const auto address = address_of("_stext")) run_time = *address;
    if (!linked) {
      refuse("it has no symbol _stext: no Linux kernel with its symbols (vmlinux)");
      continue;
    }
    if (!run_time) {
      refuse("its place in the dead kernel's memory is not known (_stext)");
      continue;
    }
    const std::uint64_t slide_of_file = *run_time - linked->address;
    if (slide_of_file != 0) kernel = read_kernel_file(file, slide_of_file);
    if (!kernel) {
      notes.add(kernel.error().within(printable(file_name)));
      continue;
    }
    if (banner_agrees(memory_, *kernel->symbols) == false) {
      refuse("another kernel (linux_banner is not where this file says)");
      continue;
    }
    if (kernel->remark) notes.add(*kernel->remark);
    symbols_ = kernel->symbols;
    look_up_together();
    use_for_code(inputs, *kernel, slide_of_file);
    taken = true;
  }
  // What opening the dump asked for before is asked again with the files' types.
  if (types_ && (!*types_ || !module_files_.empty())) types_.reset();
}

bool Evidence::use_types_alone(const std::string& name, const SourcePtr& file, Notes& notes) {
  if (!carries_types_alone(file)) return false;
  const std::string id = build_id_of(file);
  const auto own = vmcoreinfo_ ? vmcoreinfo_->value("BUILD-ID") : std::nullopt;
  if (own && !id.empty() && id != *own)
    notes.add(Note{ErrorCode::invalid,
                   fmt::format("{}: the types of another kernel (build id {}, the dump's is {}): "
                               "not used",
                               printable(name), id, printable(*own)),
                   std::nullopt});
  else
    type_files_.emplace_back(name, file);
  return true;
}

void Evidence::use_for_code(const KernelInputs& inputs, const KernelFile& kernel,
                            std::uint64_t slide) {
  for (const auto& [file_name, file] : inputs.kernel_files) {
    const auto same = [&]() {
      const auto other = read_kernel_file(file, slide);
      if (!other || other->machine.architecture != kernel.machine.architecture) return false;
      if (!kernel.build_id.empty() && !other->build_id.empty())
        return kernel.build_id == other->build_id;
      const auto first = kernel.symbols->find("_stext"), second = other->symbols->find("_stext");
      return first && second && first->address == second->address;
    };
    if (!same()) continue;
    code_.add(file, slide);
    type_files_.emplace_back(file_name, file);
  }
}

Result<std::uint64_t> Evidence::address_of(std::string_view symbol) {
  if (vmcoreinfo_)
    if (const auto address = vmcoreinfo_->symbol(symbol)) return *address;
  PANICROOM_TRY(table, symbols());
  auto known = addresses_.find(symbol);
  if (known == addresses_.end()) {
    const auto found = table->find(symbol);
    known = addresses_.emplace(symbol, found ? std::optional(found->address) : std::nullopt).first;
  }
  if (!known->second) return Failure(missing(symbol));
  return *known->second;
}

std::optional<std::uint64_t> Evidence::slide() {
  if (vmcoreinfo_)
    if (const auto offset = vmcoreinfo_->hex("KERNELOFFSET")) return offset;
  return std::nullopt;
}

Result<Member> Evidence::member(std::string_view structure, std::string_view path) {
  PANICROOM_TRY(catalog, types());
  return catalog->member(structure, path);
}

Result<std::uint64_t> Evidence::variable(std::string_view symbol, std::uint64_t size) {
  PANICROOM_TRY(address, address_of(symbol));
  return memory_.integer(address, size);
}

std::uint64_t Evidence::memory_present() {
  if (!memory_present_) memory_present_ = present_bytes(*dump_.memory);
  return *memory_present_;
}

}  // namespace panicroom::linux_kernel
