#include "core/kernel/freebsd/own_variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/printable.h"
#include "core/kernel/freebsd/evidence.h"
#include "core/kernel/freebsd/per_cpu.h"

namespace panicroom::freebsd {
namespace {

/// A set of variables that the kernel was linked with once and copies for each owner.
struct Set {
  std::string_view prefix;       ///< of its variables' symbols
  std::string_view start, stop;  ///< symbols
  bool of_cpus;
};
// In the order in which libkvm tries them.
constexpr Set sets[] = {{"vnet_entry_", "__start_set_vnet", "__stop_set_vnet", false},
                        {"pcpu_entry_", "__start_set_pcpu", "__stop_set_pcpu", true}};

/// Modules have room within the kernel's set. What lies elsewhere is no copied variable: the image
/// that a module brought its variables in.
bool holds(const SymbolTable& symbols, const Set& set, std::uint64_t address) {
  const auto start = symbols.find(set.start), stop = symbols.find(set.stop);
  return !start || !stop || (address >= start->address && address < stop->address);
}

Result<const Cpu*> find_cpu(const PerCpu& per_cpu, std::uint64_t number) {
  std::vector<std::uint64_t> there;
  for (const Cpu& cpu : per_cpu.cpus()) {
    if (cpu.number == number) return &cpu;
    there.push_back(cpu.number);
  }
  return no_such_cpu(number, there);
}

Result<std::uint64_t> copied_to(Evidence& evidence, const Set& set, const Symbol& symbol,
                                CpuNumber cpu, Notes& notes) {
  if (set.of_cpus) {
    Notes of_others;
    PANICROOM_TRY(per_cpu, PerCpu::read(evidence, of_others));
    PANICROOM_TRY(owner, find_cpu(per_cpu, cpu.value_or(0)));
    return of_cpu(evidence, *owner, symbol.address);
  }
  if (cpu)
    return fail(ErrorCode::invalid,
                fmt::format("{} is a variable of a network stack: no processor can be chosen",
                            printable(symbol.name)));
  PANICROOM_TRY(base, network_stack_base(evidence));
  if (auto remark = evidence.remark()) notes.add(std::move(*remark));
  return evidence.moved(symbol.address, base);
}

}  // namespace

Result<std::optional<OwnVariable>> own_variable(Evidence& evidence, const SymbolTable& symbols,
                                                std::string_view name, CpuNumber cpu,
                                                Notes& notes) {
  const bool whole = std::any_of(std::begin(sets), std::end(sets),
                                 [name](const Set& set) { return name.starts_with(set.prefix); });
  if (!whole && symbols.find(name)) return std::nullopt;
  for (const Set& set : sets) {
    const auto symbol =
        symbols.find(whole ? std::string(name) : fmt::format("{}{}", set.prefix, name));
    if (!symbol || !symbol->name.starts_with(set.prefix) || !holds(symbols, set, symbol->address))
      continue;
    auto address = copied_to(evidence, set, *symbol, cpu, notes);
    if (!address) return Failure(address.error().within(printable(symbol->name)));
    return OwnVariable{std::string(symbol->name), *address};
  }
  return std::nullopt;
}

PointerWords counter_sums(Evidence& evidence) {
  std::optional<Result<PerCpu>> per_cpu;
  return [&evidence, per_cpu](std::string_view type,
                              std::uint64_t value) mutable -> std::optional<std::string> {
    if (type != "counter_u64_t") return std::nullopt;
    Notes notes;
    if (!per_cpu) per_cpu = PerCpu::read(evidence, notes);
    const auto sum = *per_cpu ? (*per_cpu)->counter(evidence, value)
                              : Result<std::uint64_t>(Failure(per_cpu->error()));
    return sum ? fmt::format("sum over processors: {}", *sum)
               : fmt::format("no sum over processors: {}", sum.error().message());
  };
}

}  // namespace panicroom::freebsd
