#include "core/kernel/linux/own_variables.h"

#include <algorithm>
#include <vector>

#include "core/kernel/linux/cpus.h"

namespace panicroom::linux_kernel {

Result<std::optional<OwnVariable>> own_variable(Evidence& evidence, const SymbolTable& symbols,
                                                std::string_view name, CpuNumber cpu) {
  const auto start = evidence.address_of("__per_cpu_start");
  const auto end = evidence.address_of("__per_cpu_end");
  // A kernel for one processor has the section and no copies of it.
  if (!start || !end || !evidence.address_of("__per_cpu_offset")) return std::nullopt;
  const auto symbol = symbols.find(name);
  if (!symbol || symbol->address < *start || symbol->address >= *end) return std::nullopt;
  PANICROOM_TRY(possible, possible_cpus(evidence));
  const std::uint64_t wanted = cpu.value_or(0);
  if (std::find(possible.begin(), possible.end(), wanted) == possible.end())
    return no_such_cpu(wanted, possible);
  PANICROOM_TRY(offset, per_cpu_offset(evidence, wanted));
  return OwnVariable{std::string(symbol->name), evidence.moved(symbol->address, offset)};
}

}  // namespace panicroom::linux_kernel
