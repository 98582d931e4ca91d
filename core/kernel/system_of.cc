#include "core/kernel/system_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/base/printable.h"
#include "core/kernel/module_file.h"
#include "core/symbols/elf_symbols.h"
#include "core/types/debug_file.h"
#include "core/types/file_types.h"

namespace panicroom {
namespace {

/// Any of `symbols` tells; the systems in the order in which they are asked: FreeBSD's names are
/// its descendants' too.
struct Sign {
  System system;
  std::string_view name;
  std::array<std::string_view, 2> symbols;
};
constexpr std::array<Sign, 6> signs = {{
    {System::dragonfly, "DragonFly", {"lwkt_switch", "procglob"}},
    {System::openbsd, "OpenBSD", {"allprocess", "zombprocess"}},
    {System::netbsd, "NetBSD", {"lwp0", "alllwp"}},
    {System::illumos, "illumos", {"practive", "kas"}},
    {System::linux_kernel, "Linux", {"init_task", "linux_banner"}},
    {System::freebsd, "FreeBSD", {"allproc", "kernbase"}},
}};

const Sign& sign_of(System system) {
  return *std::find_if(signs.begin(), signs.end(),
                       [system](const Sign& sign) { return sign.system == system; });
}

/// Whose a dump is that is opened as that system's.
std::string_view owner(const Dump& dump, System system) {
  const bool either = dump.kcore && dump.kcore->system == KcoreHeader::System::either;
  return either ? "NetBSD or OpenBSD" : name(system);
}

}  // namespace

std::string_view name(System system) { return sign_of(system).name; }

std::optional<System> system_of(const SymbolTable& symbols) {
  for (const Sign& sign : signs)
    for (const std::string_view symbol : sign.symbols)
      if (symbols.find(symbol)) return sign.system;
  return std::nullopt;
}

SystemKernel kernel_of(const KernelInputs& inputs, System system, Notes& notes) {
  const auto modules = modules_of_files(inputs.kernel_files);
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const auto& [file_name, file] = inputs.kernel_files[i];
    if (modules[i] || carries_types_alone(file)) continue;
    const auto refuse = [&notes, shown = printable(file_name)](std::string_view why) {
      notes.add(
          Note{ErrorCode::invalid, fmt::format("{}: {}: not used", shown, why), std::nullopt});
    };
    auto kernel = read_kernel_file(file);
    if (!kernel) {
      notes.add(kernel.error().within(printable(file_name)));
      continue;
    }
    const auto found = system_of(*kernel->symbols);
    if (kernel->machine.architecture != inputs.dump->machine.architecture) {
      refuse(fmt::format("a kernel for {}, but the dump is of {}",
                         name(kernel->machine.architecture),
                         name(inputs.dump->machine.architecture)));
    } else if (found == system) {
      if (kernel->remark) notes.add(*kernel->remark);
      return {kernel->symbols, file};
    } else if (found) {
      refuse(fmt::format("it is a kernel of {}, and the dump is of {}", name(*found),
                         owner(*inputs.dump, system)));
    } else {
      const Sign& sign = sign_of(system);
      refuse(fmt::format("it has neither of the symbols {} and {}: no {} kernel", sign.symbols[0],
                         sign.symbols[1], sign.name));
    }
  }
  return {};
}

std::shared_ptr<const SymbolTable> symbols_of_kernel(const KernelInputs& inputs, System system,
                                                     Notes& notes) {
  return kernel_of(inputs, system, notes).symbols;
}

}  // namespace panicroom
