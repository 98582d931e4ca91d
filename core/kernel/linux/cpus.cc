#include "core/kernel/linux/cpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_cpus = 8192;  // the largest CONFIG_NR_CPUS

/// The bits of a struct cpumask, one word at a time; as many as `cpus`.
Result<std::vector<bool>> cpu_mask(Evidence& evidence, std::string_view symbol,
                                   std::uint64_t cpus) {
  PANICROOM_TRY(mask, evidence.address_of(symbol));
  const std::uint64_t bits_per_word = std::uint64_t{8} * evidence.pointer_size();
  std::vector<bool> bits(static_cast<std::size_t>(cpus));
  for (std::uint64_t base = 0; base < cpus; base += bits_per_word) {
    PANICROOM_TRY(word, evidence.memory().word(mask + base / 8));
    for (std::uint64_t bit = 0; bit < bits_per_word && base + bit < cpus; ++bit)
      bits[static_cast<std::size_t>(base + bit)] = (word >> bit & 1U) != 0;
  }
  return bits;
}

/// How many numbers processors may have. A kernel for one processor has neither a variable for it
/// nor per-CPU areas; one with CONFIG_FORCE_NR_CPUS has its number in a type alone.
Result<std::uint64_t> count_possible(Evidence& evidence) {
  if (const auto place = evidence.address_of("nr_cpu_ids")) {
    PANICROOM_TRY(count, evidence.memory().integer(*place, 4));
    if (count == 0 || count > most_cpus)
      return fail_at_address(ErrorCode::corrupt, *place,
                             fmt::format("nr_cpu_ids is {}, expected 1 to {}", count, most_cpus));
    return count;
  }
  PANICROOM_TRY(types, evidence.types());
  const auto mask = types->size_of("cpumask");
  if (!evidence.address_of("__per_cpu_offset") || !mask) return 1;
  return std::min(*mask * 8, most_cpus);
}

}  // namespace

CpuStates::CpuStates(const std::vector<CpuState>& states) : states_(states) {
  // QEMU writes 1, 2, 3, ... where a kernel writes the pid (target/arm/arch_dump.c).
  bool numbers = !states.empty();
  for (const CpuState& state : states)
    numbers = numbers && state.pid == std::int64_t{state.index} + 1;
  for (const CpuState& state : states) {
    for (const std::string_view base : {"gs_base", "kernel_gs_base"})
      if (const auto value = state.registers.find(base)) by_base_.try_emplace(*value, &state);
    if (!state.pid || numbers) continue;
    const auto [known, added] = by_pid_.try_emplace(*state.pid, &state);
    if (!added) known->second = nullptr;
  }
}

const CpuState* CpuStates::by_base(std::uint64_t per_cpu_offset) const {
  const auto found = by_base_.find(per_cpu_offset);
  return per_cpu_offset == 0 || found == by_base_.end() ? nullptr : found->second;
}

const CpuState* CpuStates::by_pid(std::int64_t pid) const {
  const auto found = by_pid_.find(pid);
  return found == by_pid_.end() ? nullptr : found->second;
}

const CpuState* CpuStates::by_number(std::uint64_t number) const {
  return number < states_.size() ? &states_[static_cast<std::size_t>(number)] : nullptr;
}

Cpus::Cpus(std::vector<Cpu> cpus) : cpus_(std::move(cpus)) {
  for (std::size_t i = 0; i < cpus_.size(); ++i)
    if (cpus_[i].current) by_task_.try_emplace(*cpus_[i].current, i);
}

const Cpu* Cpus::running(std::uint64_t task) const {
  const auto found = by_task_.find(task);
  return found == by_task_.end() ? nullptr : &cpus_[found->second];
}

Result<std::vector<std::uint64_t>> possible_cpus(Evidence& evidence) {
  PANICROOM_TRY(count, count_possible(evidence));
  const auto mask = cpu_mask(evidence, "__cpu_possible_mask", count);
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = 0; number < count; ++number)
    if (!mask || (*mask)[static_cast<std::size_t>(number)]) numbers.push_back(number);
  return numbers;
}

Result<std::uint64_t> per_cpu_offset(Evidence& evidence, std::uint64_t number) {
  const auto offsets = evidence.address_of("__per_cpu_offset");
  if (!offsets) return 0;
  return evidence.memory().word(*offsets + number * evidence.pointer_size());
}

Result<Cpus> read_cpus(Evidence& evidence, Notes& notes) {
  PANICROOM_TRY(run_queues, evidence.address_of("runqueues"));
  PANICROOM_TRY(current, evidence.member("rq", "curr"));
  PANICROOM_TRY(idle, evidence.member("rq", "idle"));
  PANICROOM_TRY(possible, count_possible(evidence));
  PANICROOM_TRY(numbers, possible_cpus(evidence));
  const auto pid = evidence.member("task_struct", "pid");

  const CpuStates states(evidence.dump().cpus);
  std::vector<Cpu> cpus;
  for (const std::uint64_t number : numbers) {
    Cpu cpu;
    cpu.number = static_cast<std::uint32_t>(number);
    const auto offset = per_cpu_offset(evidence, number);
    if (!offset) {
      notes.add(offset.error().within("a processor's own memory"));
      continue;
    }
    cpu.per_cpu_offset = *offset;
    const std::uint64_t run_queue = run_queues + cpu.per_cpu_offset;
    if (const auto task = evidence.field(run_queue, current); task)
      cpu.current = *task;
    else
      notes.add(task.error().within("a processor's run queue"));
    if (const auto task = evidence.field(run_queue, idle); task && *task != 0) cpu.idle = *task;
    cpu.state = states.by_base(cpu.per_cpu_offset);
    if (!cpu.state && states.size() == possible) cpu.state = states.by_number(number);
    if (!cpu.state && cpu.current && pid)
      if (const auto running = evidence.field(*cpu.current, *pid))
        cpu.state = states.by_pid(static_cast<std::int32_t>(static_cast<std::uint32_t>(*running)));
    cpus.push_back(cpu);
  }
  return Cpus(std::move(cpus));
}

Result<std::optional<std::uint32_t>> crashed_cpu(Evidence& evidence) {
  std::optional<Error> why;
  for (const std::string_view symbol : {"panic_cpu", "crashing_cpu"}) {
    const auto cpu = evidence.variable(symbol, 4);
    if (!cpu) {
      if (!why) why = cpu.error();
      continue;
    }
    // -1 is PANIC_CPU_INVALID, and crashing_cpu's first value.
    if (*cpu < most_cpus) return std::optional(static_cast<std::uint32_t>(*cpu));
    why.reset();
  }
  if (why) return Failure(why->within("the processor on which the kernel died is not known"));
  return std::optional<std::uint32_t>();
}

Result<std::vector<bool>> online_cpus(Evidence& evidence) {
  PANICROOM_TRY(possible, count_possible(evidence));
  auto online = cpu_mask(evidence, "__cpu_online_mask", possible);
  // Stopping a processor in panic() takes it off the online mask but not off the active one.
  const auto active = cpu_mask(evidence, "__cpu_active_mask", possible);
  if (!online && !active) return Failure(online.error());
  std::vector<bool> cpus;
  for (std::size_t i = 0; i < possible; ++i)
    cpus.push_back((online && (*online)[i]) || (active && (*active)[i]));
  return cpus;
}

}  // namespace panicroom::linux_kernel
