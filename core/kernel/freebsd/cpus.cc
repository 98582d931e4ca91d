#include "core/kernel/freebsd/cpus.h"

#include "core/kernel/field.h"

namespace panicroom::freebsd {

Result<std::uint64_t> runnable_threads(Evidence& evidence, const Cpu& cpu) {
  const Field load("tdq", "tdq_load");
  PANICROOM_TRY(member, load.member(evidence));
  // An array until FreeBSD 12, then a variable of each processor's own.
  if (const auto array = evidence.address_of("tdq_cpu")) {
    PANICROOM_TRY(size, evidence.size_of("tdq"));
    return evidence.field(*array + cpu.number * size, member);
  }
  PANICROOM_TRY(queue, per_cpu_address(evidence, cpu, "tdq"));
  return evidence.field(queue, member);
}

Result<void> read_cpus(
    Evidence& evidence, std::optional<std::uint64_t> crashed_tid,
    const std::function<std::optional<Registers>(std::uint64_t, bool)>& registers,
    const Visitor<Processor>& visit, Notes& notes) {
  const Field current("pcpu", "pc_curthread"), idle("pcpu", "pc_idlethread"),
      tid("thread", "td_tid"), name("thread", "td_name");
  PANICROOM_TRY(per_cpu, PerCpu::read(evidence, notes));
  const auto online =
      noted(cpu_set(evidence, "all_cpus", per_cpu.count()), notes, "which processors ran");
  for (const Cpu& cpu : per_cpu.cpus()) {
    Processor processor;
    processor.number = static_cast<std::int64_t>(cpu.number);
    if (online) processor.online = (*online)[static_cast<std::size_t>(cpu.number)];
    processor.per_cpu_base = cpu.variables;
    processor.structure = cpu.pcpu;
    processor.zone_offset = cpu.zone_offset;
    processor.runnable =
        noted(runnable_threads(evidence, cpu), notes, "how many threads a processor could run");
    if (cpu.pcpu)
      processor.current =
          noted(current.read(evidence, *cpu.pcpu), notes, "what a processor was running");
    if (processor.current && *processor.current != 0) {
      const auto resting =
          noted(idle.read(evidence, *cpu.pcpu), notes, "a processor's idle thread");
      if (resting) processor.idle = *processor.current == *resting;
      processor.tid = noted(tid.read_signed(evidence, *processor.current), notes,
                            "what a processor was running");
      processor.thread =
          noted(name.text(evidence, *processor.current), notes, "what a processor was running");
      if (processor.tid && crashed_tid)
        processor.crashed = static_cast<std::uint64_t>(*processor.tid) == *crashed_tid;
      if (processor.crashed)
        if (const auto saved = registers(cpu.number, *processor.crashed)) {
          processor.pc = saved->pc;
          processor.sp = saved->sp;
        }
    }
    if (!visit(processor)) break;
  }
  return {};
}

}  // namespace panicroom::freebsd
