#include "core/kernel/netbsd/crashed.h"

namespace panicroom::netbsd {
namespace {

/// The lwp whose kernel stack holds an address.
std::optional<Thread> on_stack(Evidence& evidence, std::uint64_t sp) {
  Processes walk(evidence);
  Notes said_elsewhere;
  std::optional<Thread> found;
  const auto walked = walk.each(
      [&](std::uint64_t process, bool) {
        for (const std::uint64_t lwp : walk.lwps_of(process, said_elsewhere).addresses) {
          const Thread thread = walk.read_lwp(lwp, process, said_elsewhere);
          if (sp >= thread.stack_low && sp < thread.stack_high) found = thread;
          if (found) return false;
        }
        return true;
      },
      said_elsewhere);
  return walked ? found : std::nullopt;
}

}  // namespace

CrashedLwp find_crashed_lwp(Evidence& evidence, Notes& notes) {
  const Field stack("pcb", {"pcb_rsp", "pcb_esp"});
  CrashedLwp crashed;
  if (!evidence.knows_structures()) return crashed;
  if (const auto pcb = evidence.address_of("dumppcb"); pcb && stack.exists(evidence)) {
    const auto sp = noted(stack.read(evidence, *pcb), notes, "the registers of what died");
    if (sp && *sp != 0) {
      crashed.pcb = *pcb;
      if (const auto thread = on_stack(evidence, *sp)) {
        crashed.address = thread->address;
        crashed.lid = thread->tid;
        return crashed;
      }
    }
  }
  const Field current("cpu_info", {"ci_curlwp", "ci_onproc"}), number("lwp", "l_lid");
  const auto cpu = evidence.pointer("paniccpu");
  if (cpu && *cpu != 0) {
    const auto lwp =
        noted(current.read(evidence, *cpu), notes, "the thread on which the kernel died");
    if (lwp && *lwp != 0) {
      crashed.address = *lwp;
      crashed.lid =
          noted(number.read_signed(evidence, *lwp), notes, "the thread on which the kernel died");
    }
  }
  if (!crashed.address)
    notes.add(Note{ErrorCode::no_symbol,
                   "the thread on which the kernel died is not known: on no thread's stack lies "
                   "what dumppcb saved, and paniccpu names no processor",
                   std::nullopt});
  return crashed;
}

}  // namespace panicroom::netbsd
