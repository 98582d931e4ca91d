#include "core/kernel/netbsd/registers.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "core/kernel/field.h"

namespace panicroom::netbsd {
namespace {

/// What the kernel pushed before it stored the stack pointer, last pushed first, and the return
/// address above (struct switchframe, sys/arch/*/include/frame.h).
Result<Registers> switch_frame(Evidence& evidence, std::uint64_t pcb, const Field& stack,
                               const Field& frame, const std::vector<std::string_view>& pushed,
                               std::string_view frame_name) {
  PANICROOM_TRY(sp, stack.read(evidence, pcb));
  PANICROOM_TRY(fp, frame.read(evidence, pcb));
  Registers registers;
  if (sp == 0) return registers;
  const std::uint64_t word = evidence.pointer_size();
  std::uint64_t at = sp;
  for (const std::string_view name : pushed) {
    PANICROOM_TRY(value, evidence.memory().word(at));
    registers.others.emplace_back(name, value);
    at += word;
  }
  PANICROOM_TRY(pc, evidence.memory().word(at));
  registers.others.emplace_back(frame_name, fp);
  registers.pc = pc;
  registers.fp = fp;
  registers.sp = at + word;
  return registers;
}

/// pcb_tf leads to a struct trapframe of which x19 to x30 are filled. It is null while the lwp
/// runs, on kernels with a debugger.
Result<Registers> trap_frame(Evidence& evidence, std::uint64_t pcb) {
  const Field place("pcb", "pcb_tf"), registers_at("trapframe", "tf_regs.r_reg");
  PANICROOM_TRY(frame, place.read(evidence, pcb));
  Registers registers;
  if (frame == 0) return registers;
  PANICROOM_TRY(first, registers_at.place(evidence, frame));
  PANICROOM_TRY(size, evidence.size_of("trapframe"));
  for (unsigned number = 19; number <= 29; ++number) {
    PANICROOM_TRY(value, evidence.memory().u64(first + std::uint64_t{number} * 8));
    registers.others.emplace_back(fmt::format("x{}", number), value);
  }
  PANICROOM_TRY(pc, evidence.memory().u64(first + std::uint64_t{30} * 8));
  registers.others.emplace_back("lr", pc);
  registers.pc = pc;
  registers.fp = registers.find("x29");
  registers.sp = frame + size;
  return registers;
}

}  // namespace

Result<Registers> read_pcb(Evidence& evidence, std::uint64_t pcb) {
  switch (evidence.memory().machine().architecture) {
    case Architecture::x86_64:
      return switch_frame(evidence, pcb, Field("pcb", "pcb_rsp"), Field("pcb", "pcb_rbp"),
                          {"r15", "r14", "r13", "r12", "rbx"}, "rbp");
    case Architecture::i386:
      return switch_frame(evidence, pcb, Field("pcb", "pcb_esp"), Field("pcb", "pcb_ebp"),
                          {"edi", "esi", "ebx"}, "ebp");
    case Architecture::aarch64:
      return trap_frame(evidence, pcb);
    default:
      return fail(ErrorCode::unsupported,
                  fmt::format("the registers of a thread are not read on {}",
                              name(evidence.memory().machine().architecture)));
  }
}

}  // namespace panicroom::netbsd
