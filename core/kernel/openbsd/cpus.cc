#include "core/kernel/openbsd/cpus.h"

#include <fmt/format.h>

#include "core/kernel/lists.h"
#include "core/kernel/openbsd/processes.h"
#include "core/kernel/openbsd/thread_registers.h"

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t most_cpus = 1024;     // MAXCPUS is 256 at most
constexpr std::uint64_t in_the_debugger = 4;  // CI_DDB_INDDB, sys/arch/amd64/include/cpu.h

}  // namespace

Result<Cpus> Cpus::read(Evidence& evidence, Notes& notes) {
  const Field next("cpu_info", "ci_next"), number("cpu_info", "ci_cpuid"),
      current("cpu_info", "ci_curproc");
  PANICROOM_TRY(head, evidence.address_of("cpu_info_list"));
  PANICROOM_TRY(link, next.member(evidence));
  PANICROOM_CHECK(evidence.memory().word(head));
  Cpus cpus;
  for_each_listed(
      evidence, head, link.offset, most_cpus, "the list of processors", notes,
      [&](std::uint64_t address) {
        Cpu cpu;
        cpu.address = address;
        cpu.number = noted(number.read(evidence, address), notes, "a processor's number")
                         .value_or(cpus.cpus_.size());
        cpu.current = noted(current.read(evidence, address), notes, "what a processor was running")
                          .value_or(0);
        cpus.cpus_.push_back(cpu);
        return true;
      });
  return cpus;
}

const Cpu* Cpus::running(std::uint64_t thread) const {
  for (const Cpu& cpu : cpus_)
    if (cpu.current == thread && thread != 0) return &cpu;
  return nullptr;
}

const Cpu* Cpus::at(std::uint64_t address) const {
  for (const Cpu& cpu : cpus_)
    if (cpu.address == address) return &cpu;
  return nullptr;
}

const Cpu* Cpus::crashed(Evidence& evidence) const {
  const Field text("cpu_info", "ci_panicbuf"), paused("cpu_info", "ci_ddb_paused");
  const auto panic = evidence.pointer("panicstr");
  const bool panicked = panic && *panic != 0;
  if (const auto member = text.member(evidence); member && panicked)
    for (const Cpu& cpu : cpus_) {
      const std::uint64_t own = cpu.address + member->offset;
      if (*panic >= own && *panic - own < member->size) return &cpu;
    }
  if (paused.exists(evidence))
    for (const Cpu& cpu : cpus_)
      if (paused.read(evidence, cpu.address) == in_the_debugger) return &cpu;
  if (const auto wrote = dump_stack_pointer(evidence))
    for (const Cpu& cpu : cpus_)
      if (cpu.current != 0 && is_on_stack_of(evidence, cpu.current, *wrote)) return &cpu;
  return panicked && cpus_.size() == 1 ? &cpus_.front() : nullptr;
}

Result<void> read_cpus(Evidence& evidence, const Visitor<Processor>& visit, Notes& notes) {
  const Field runnable("cpu_info", "ci_schedstate.spc_nrun"),
      resting("cpu_info", "ci_schedstate.spc_idleproc"), process("proc", "p_p");
  PANICROOM_TRY(cpus, Cpus::read(evidence, notes));
  const Cpu* const died = cpus.crashed(evidence);
  Processes walk(evidence);
  for (const Cpu& cpu : cpus.all()) {
    Processor processor;
    processor.number = static_cast<std::int64_t>(cpu.number);
    if (died != nullptr) processor.crashed = died == &cpu;
    processor.per_cpu_base = cpu.address;
    processor.runnable = noted(runnable.read(evidence, cpu.address), notes,
                               "how many threads a processor could run");
    if (cpu.current != 0) {
      processor.current = cpu.current;
      if (const auto idle =
              noted(resting.read(evidence, cpu.address), notes, "a processor's idle thread"))
        processor.idle = cpu.current == *idle;
      processor.tid = walk.tid(cpu.current, notes);
      processor.thread = walk.thread_name(cpu.current, notes);
      if (!processor.thread)
        if (const auto its =
                noted(process.read(evidence, cpu.current), notes, "what a processor was running");
            its && *its != 0)
          processor.thread = walk.name(*its, notes);
    }
    const Registers registers =
        registers_on_cpu(evidence, cpu.number, cpu.current, died == &cpu, notes);
    processor.pc = registers.pc;
    processor.sp = registers.sp;
    if (!visit(processor)) break;
  }
  return {};
}

}  // namespace panicroom::openbsd
