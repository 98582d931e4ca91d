#include "core/kernel/dragonfly/registers.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "core/kernel/field.h"

namespace panicroom::dragonfly {
namespace {

Registers named(Registers registers) {
  registers.pc = registers.find("rip");
  registers.sp = registers.find("rsp");
  registers.fp = registers.find("rbp");
  return registers;
}

/// cpu_lwkt_switch pushes, above the address of cpu_lwkt_restore, the flags and these registers;
/// its return address follows.
Result<Registers> pushed(Evidence& evidence, std::uint64_t sp) {
  constexpr std::array<std::string_view, 8> names = {"rflags", "r15", "r14", "r13",
                                                     "r12",    "rbx", "rbp", "rip"};
  Registers registers;
  for (std::size_t index = 0; index < names.size(); ++index) {
    PANICROOM_TRY(value, evidence.memory().u64(sp + 8 * (index + 1)));
    registers.others.emplace_back(names[index], value);
  }
  registers.others.emplace_back("rsp", sp + 8 * (names.size() + 1));
  return named(std::move(registers));
}

/// A kernel thread that never ran begins with the function in its pcb (cpu_set_thread_handler).
Result<Registers> not_begun(Evidence& evidence, std::uint64_t sp, std::uint64_t pcb) {
  PANICROOM_TRY(function, Field("pcb", "pcb_rbx").read(evidence, pcb));
  Registers registers;
  registers.others = {{"rip", function}, {"rsp", sp + 8}, {"rbp", 0}};
  return named(std::move(registers));
}

}  // namespace

Result<Registers> read_pcb(Evidence& evidence, std::uint64_t address) {
  struct Saved {
    std::string_view name, member;
  };
  constexpr std::array<Saved, 8> saved = {{{"r15", "pcb_r15"},
                                           {"r14", "pcb_r14"},
                                           {"r13", "pcb_r13"},
                                           {"r12", "pcb_r12"},
                                           {"rbp", "pcb_rbp"},
                                           {"rsp", "pcb_rsp"},
                                           {"rbx", "pcb_rbx"},
                                           {"rip", "pcb_rip"}}};
  Registers registers;
  for (const auto& [name, member] : saved) {
    PANICROOM_TRY(value, Field("pcb", member).read(evidence, address));
    // It was saved with the return address on top.
    registers.others.emplace_back(name, name == "rsp" ? value + 8 : value);
  }
  return named(std::move(registers));
}

Result<Registers> switched_out(Evidence& evidence, std::uint64_t sp, std::uint64_t pcb) {
  PANICROOM_TRY(restore, evidence.memory().u64(sp));
  const auto names = evidence.symbols();
  const auto symbol = names ? names->at(restore) : std::nullopt;
  if (!symbol)
    return fail_at_address(
        ErrorCode::corrupt, sp,
        fmt::format("{:#x}, on top of its stack, is no function that restores a thread", restore));
  if (symbol->name == "cpu_heavy_restore") return read_pcb(evidence, pcb);
  if (symbol->name == "cpu_lwkt_restore") return pushed(evidence, sp);
  if (symbol->name == "cpu_kthread_restore") return not_begun(evidence, sp, pcb);
  return fail_at_address(
      ErrorCode::unsupported, sp,
      fmt::format("{} is to restore it, which keeps registers in an unknown way", symbol->name));
}

}  // namespace panicroom::dragonfly
