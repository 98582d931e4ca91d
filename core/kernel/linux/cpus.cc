#include "core/kernel/linux/cpus.h"

#include <bit>
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

std::uint64_t count_possible(Evidence& evidence) {
  const auto count = evidence.variable("nr_cpu_ids", 4);
  if (!count || *count == 0 || *count > most_cpus) return 1;
  return *count;
}

/// The state whose per-CPU base (x86_64's GS, in the kernel or saved while in user mode) is this
/// processor's own; else the one at its place where there is one for each processor.
const CpuState* state_of(const std::vector<CpuState>& states, const Cpu& cpu,
                         std::size_t possible) {
  if (cpu.per_cpu_offset != 0)
    for (const CpuState& state : states)
      if (state.registers.find("gs_base") == cpu.per_cpu_offset ||
          state.registers.find("kernel_gs_base") == cpu.per_cpu_offset)
        return &state;
  if (states.size() != possible) return nullptr;
  const CpuState& state = states[cpu.number];
  return &state;
}

/// Notes of a crash kernel leave out processors that never answered: the pid tells whose they are.
void match_by_pid(Evidence& evidence, const std::vector<CpuState>& states, std::vector<Cpu>& cpus) {
  const auto pid = evidence.member("task_struct", "pid");
  if (!pid) return;
  for (Cpu& cpu : cpus) {
    if (cpu.state || !cpu.current) continue;
    const auto running = evidence.field(*cpu.current, *pid);
    if (!running) continue;
    const CpuState* only = nullptr;
    bool unique = true;
    for (const CpuState& state : states) {
      if (state.pid != static_cast<std::int64_t>(*running)) continue;
      unique = only == nullptr;
      only = &state;
    }
    if (unique) cpu.state = only;
  }
}

}  // namespace

Result<std::vector<Cpu>> read_cpus(Evidence& evidence, Notes& notes) {
  const std::uint64_t possible = count_possible(evidence);
  const auto mask = cpu_mask(evidence, "__cpu_possible_mask", possible);
  const auto offsets = evidence.address_of("__per_cpu_offset");
  PANICROOM_TRY(run_queues, evidence.address_of("runqueues"));
  PANICROOM_TRY(current, evidence.member("rq", "curr"));
  PANICROOM_TRY(idle, evidence.member("rq", "idle"));

  const std::vector<CpuState>& states = evidence.dump().cpus;
  std::vector<Cpu> cpus;
  for (std::uint64_t number = 0; number < possible; ++number) {
    if (mask && !(*mask)[static_cast<std::size_t>(number)]) continue;
    Cpu cpu;
    cpu.number = static_cast<std::uint32_t>(number);
    if (offsets) {
      const auto offset = evidence.memory().word(*offsets + number * evidence.pointer_size());
      if (!offset) {
        notes.add(offset.error().within("a processor's own memory"));
        continue;
      }
      cpu.per_cpu_offset = *offset;
    }
    const std::uint64_t run_queue = run_queues + cpu.per_cpu_offset;
    if (const auto task = evidence.field(run_queue, current); task)
      cpu.current = *task;
    else
      notes.add(task.error().within("a processor's run queue"));
    if (const auto task = evidence.field(run_queue, idle); task && *task != 0) cpu.idle = *task;
    cpu.state = state_of(states, cpu, static_cast<std::size_t>(possible));
    cpus.push_back(cpu);
  }
  match_by_pid(evidence, states, cpus);
  return cpus;
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

std::optional<std::uint32_t> count_online(Evidence& evidence) {
  const std::uint64_t possible = count_possible(evidence);
  auto online = cpu_mask(evidence, "__cpu_online_mask", possible);
  // Stopping a processor in panic() takes it off the online mask but not off the active one.
  const auto active = cpu_mask(evidence, "__cpu_active_mask", possible);
  if (!online && !active) return std::nullopt;
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < possible; ++i)
    if ((online && (*online)[i]) || (active && (*active)[i])) ++count;
  return count;
}

}  // namespace panicroom::linux_kernel
