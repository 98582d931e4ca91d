#include <fmt/format.h>

#include "core/base/loop_guard.h"
#include "core/kernel/illumos/machine.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t most_cpus = 4096;  // NCPU is 256
// uts/common/sys/cpuvar.h: CPU_READY, and CPU_OFFLINE, CPU_POWEROFF, CPU_SPARE, CPU_FAULTED,
// CPU_DISABLED.
constexpr std::uint64_t is_ready = 0x2, is_off = 0x20 | 0x40 | 0x100 | 0x200 | 0x400;

}  // namespace

Result<void> for_each_cpu(Evidence& evidence, const std::function<bool(std::uint64_t)>& visit,
                          Notes& notes) {
  const Field next("cpu", "cpu_next");
  PANICROOM_TRY(first, evidence.pointer("cpu_list"));
  PANICROOM_TRY(link, next.member(evidence));
  VisitOnce guard(most_cpus);
  std::uint64_t at = first;
  while (at != 0) {
    if (!guard.step(at)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic() ? "the ring of processors does not lead back to its head"
                                    : "the ring of processors has more elements than are followed",
                     at});
      break;
    }
    const auto following = evidence.memory().word(at + link.offset);
    if (!following) {
      notes.add(following.error().within("the ring of processors breaks off"));
      break;
    }
    if (!visit(at) || *following == first) break;
    at = *following;
  }
  return {};
}

Result<void> read_cpus(Evidence& evidence, Processes& processes,
                       std::optional<std::int64_t> crashed_cpu,
                       const std::function<std::optional<Registers>(std::uint64_t thread,
                                                                    std::int64_t cpu)>& registers,
                       const Visitor<Processor>& visit, Notes& notes) {
  constexpr std::string_view what = "a processor";
  const Field number("cpu", "cpu_id"), flags("cpu", "cpu_flags"), running("cpu", "cpu_thread"),
      idle("cpu", "cpu_idle_thread"), queues("cpu", "cpu_disp"),
      runnable("_disp", "disp_nrunnable"), owner("_kthread", "t_procp");
  return for_each_cpu(
      evidence,
      [&](std::uint64_t address) {
        Processor processor;
        processor.per_cpu_base = address;
        const auto id = noted(number.read_signed(evidence, address), notes, what);
        if (!id) return true;
        processor.number = *id;
        if (const auto bits = noted(flags.read(evidence, address), notes, what))
          processor.online = (*bits & is_ready) != 0 && (*bits & is_off) == 0;
        if (crashed_cpu) processor.crashed = *id == *crashed_cpu;
        if (const auto queue = noted(queues.read(evidence, address), notes, "a run queue");
            queue && *queue != 0)
          processor.runnable = noted(runnable.read(evidence, *queue), notes, "a run queue");
        processor.current = noted(running.read(evidence, address), notes, what);
        const auto resting = noted(idle.read(evidence, address), notes, what);
        if (processor.current && *processor.current != 0) {
          const std::uint64_t thread = *processor.current;
          if (resting) processor.idle = thread == *resting;
          processor.tid = processes.tid(thread, notes);
          const auto process = owner.read(evidence, thread);
          processor.thread = processes.thread_name(
              thread, process && *process != 0 ? processes.name(*process, notes) : std::nullopt,
              notes);
          if (const auto saved = registers(thread, *id)) {
            processor.pc = saved->pc;
            processor.sp = saved->sp;
          }
        }
        return visit(processor);
      },
      notes);
}

}  // namespace panicroom::illumos
