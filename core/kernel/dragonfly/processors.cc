#include "core/kernel/dragonfly/processors.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/kernel/field.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t most_cpus = 1024;  // MAXCPU is 256

std::optional<std::int64_t> tid_of(Evidence& evidence, std::uint64_t thread, Notes& notes) {
  constexpr std::string_view what = "what a processor was running";
  const Field lwp("thread", "td_lwp"), tid("lwp", "lwp_tid");
  const auto of_process = noted(lwp.read(evidence, thread), notes, what);
  if (!of_process || *of_process == 0) return std::nullopt;
  return noted(tid.read_signed(evidence, *of_process), notes, what);
}

}  // namespace

Result<std::vector<Cpu>> processors(Evidence& evidence, Notes& notes) {
  constexpr std::string_view what = "a processor";
  const Field current("globaldata", "gd_curthread"), number("globaldata", "gd_cpuid"),
      idle("globaldata", "gd_idlethread");
  PANICROOM_TRY(table, evidence.address_of("CPU_prvspace"));
  PANICROOM_TRY(count, evidence.variable("ncpus", 4));
  if (count == 0 || count > most_cpus)
    return fail(ErrorCode::corrupt, fmt::format("the number of processors, ncpus, is {}", count));
  std::vector<Cpu> cpus;
  for (std::uint64_t index = 0; index < count; ++index) {
    const auto place =
        noted(evidence.memory().word(table + index * evidence.pointer_size()), notes, what);
    if (!place || *place == 0) continue;
    Cpu cpu;
    cpu.globaldata = *place;
    cpu.number = index;
    if (const auto said = noted(number.read(evidence, *place), notes, what); said && *said != index)
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("processor {} says that it is number {}", index, *said), *place});
    cpu.current = noted(current.read(evidence, *place), notes, what);
    cpu.idle_thread = noted(idle.place(evidence, *place), notes, what).value_or(0);
    cpus.push_back(cpu);
  }
  return cpus;
}

Result<void> read_cpus(Evidence& evidence, std::optional<std::uint64_t> crashed,
                       const std::function<std::optional<Registers>(const Cpu&, bool)>& registers,
                       const Visitor<Processor>& visit, Notes& notes) {
  constexpr std::string_view what = "what a processor was running";
  const Field name("thread", "td_comm"), queued("globaldata", "gd_tdrunqcount");
  PANICROOM_TRY(cpus, processors(evidence, notes));
  for (const Cpu& cpu : cpus) {
    Processor processor;
    processor.number = static_cast<std::int64_t>(cpu.number);
    processor.online = true;
    processor.per_cpu_base = cpu.globaldata;
    processor.runnable = noted(queued.read(evidence, cpu.globaldata), notes,
                               "how many threads a processor could run");
    processor.current = cpu.current;
    if (cpu.current && *cpu.current != 0) {
      if (cpu.idle_thread != 0) processor.idle = *cpu.current == cpu.idle_thread;
      processor.tid = tid_of(evidence, *cpu.current, notes);
      processor.thread = noted(name.text(evidence, *cpu.current), notes, what);
      if (crashed) processor.crashed = *cpu.current == *crashed;
      if (const auto saved = registers(cpu, processor.crashed == true)) {
        processor.pc = saved->pc;
        processor.sp = saved->sp;
      }
    }
    if (!visit(processor)) break;
  }
  return {};
}

}  // namespace panicroom::dragonfly
