#include "core/kernel/linux/own_variables.h"

#include <algorithm>
#include <vector>

#include "core/kernel/linux/cpus.h"

namespace panicroom::linux_kernel {

namespace {

/// The sections of the kernel and of its modules share their numbers with other symbols: whose a
/// symbol is decides which section may hold it.
std::optional<Symbol> in_section(Evidence& evidence, const SymbolTable& symbols,
                                 const Modules& modules, const AddressRange& kernel,
                                 std::string_view name) {
  const auto holds = [](const AddressRange& section, const Symbol& symbol) {
    return symbol.address >= section.start && symbol.address < section.end;
  };
  const auto kernels = evidence.symbols();
  if (kernels)
    if (const auto own = (*kernels)->find(name)) return holds(kernel, *own) ? own : std::nullopt;
  const auto symbol = symbols.find(name);
  const auto all = modules.all();
  const bool found = symbol && std::any_of(all.begin(), all.end(), [&](const Module& module) {
                       return holds(module.per_cpu, *symbol);
                     });
  return found ? symbol : std::nullopt;
}

}  // namespace

Result<std::optional<OwnVariable>> own_variable(Evidence& evidence, const SymbolTable& symbols,
                                                const Modules& modules, std::string_view name,
                                                CpuNumber cpu) {
  const auto start = evidence.address_of("__per_cpu_start");
  const auto end = evidence.address_of("__per_cpu_end");
  // A kernel for one processor has the section and no copies of it.
  if (!start || !end || !evidence.address_of("__per_cpu_offset")) return std::nullopt;
  const auto symbol = in_section(evidence, symbols, modules, {*start, *end}, name);
  if (!symbol) return std::nullopt;
  PANICROOM_TRY(possible, possible_cpus(evidence));
  const std::uint64_t wanted = cpu.value_or(0);
  if (std::find(possible.begin(), possible.end(), wanted) == possible.end())
    return no_such_cpu(wanted, possible);
  PANICROOM_TRY(offset, per_cpu_offset(evidence, wanted));
  return OwnVariable{std::string(symbol->name), evidence.moved(symbol->address, offset)};
}

}  // namespace panicroom::linux_kernel
