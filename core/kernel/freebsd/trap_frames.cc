#include "core/kernel/freebsd/trap_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace panicroom::freebsd {
namespace {

constexpr std::array<std::string_view, 5> kEntries = {
    "calltrap", "fast_syscall_common", "fork_trampoline", "mchk_calltrap", "nmi_calltrap"};
constexpr std::array<const char*, 14> kSaved64 = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "r8",
                                                  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr std::array<const char*, 6> kSaved32 = {"eax", "ecx", "edx", "ebx", "esi", "edi"};

bool is_entry(std::string_view function, Architecture architecture) {
  if (architecture == Architecture::aarch64)
    return function.starts_with("handle_el") || function == "fork_trampoline";
  for (const std::string_view entry : kEntries)
    if (function == entry) return true;
  // Xpage, Xtimerint, ...: what the interrupt descriptors lead to.
  return function.size() > 1 && function[0] == 'X' && function[1] != '_';
}

class TrapFrame {
 public:
  TrapFrame(AddressSpace& kernel, const TypeCatalog& types, std::uint64_t address)
      : kernel_(kernel), types_(types), address_(address) {}

  std::optional<std::uint64_t> get(std::string_view member) {
    const auto found = types_.member("trapframe", member);
    if (!found) return std::nullopt;
    const auto value = kernel_.integer(address_ + found->offset, found->size);
    return value ? std::optional(*value) : std::nullopt;
  }
  std::optional<std::uint64_t> place(std::string_view member) {
    const auto found = types_.member("trapframe", member);
    return found ? std::optional(address_ + found->offset) : std::nullopt;
  }

 private:
  AddressSpace& kernel_;
  const TypeCatalog& types_;
  std::uint64_t address_;
};

std::optional<Interrupted> on_x86(TrapFrame& saved, bool wide) {
  const auto pc = saved.get(wide ? "tf_rip" : "tf_eip"), cs = saved.get("tf_cs");
  if (!pc || !cs) return std::nullopt;
  Interrupted found;
  found.ends = (*cs & 3) == 3 || *pc == 0;
  found.registers.pc = pc;
  // A 32-bit processor pushes no stack pointer when it stays in the kernel: the stack goes on
  // there.
  found.registers.sp = wide ? saved.get("tf_rsp") : saved.place("tf_esp");
  found.registers.fp = saved.get(wide ? "tf_rbp" : "tf_ebp");
  const auto names =
      wide ? std::span<const char* const>(kSaved64) : std::span<const char* const>(kSaved32);
  for (const char* name : names)
    if (const auto value = saved.get(fmt::format("tf_{}", name)))
      found.registers.others.emplace_back(name, *value);
  // What the processor told of a fault. amd64 alone keeps its address.
  if (const auto code = saved.get("tf_err"))
    found.registers.others.emplace_back("error_code", *code);
  if (const auto address = wide ? saved.get("tf_addr") : std::nullopt)
    found.registers.others.emplace_back("fault_address", *address);
  return found;
}

/// Whether it may be the state (SPSR_EL1) of a program or of the kernel: an exception level that
/// there is.
bool is_state(std::uint64_t state) {
  constexpr std::uint64_t level = 0x1f, of_32_bits = 0x10;
  constexpr std::array<std::uint64_t, 5> levels = {0, 4, 5, 8, 9};  // EL0t, EL1t, EL1h, EL2t, EL2h
  return (state & of_32_bits) != 0 || std::ranges::find(levels, state & level) != levels.end();
}

std::optional<Interrupted> on_aarch64(AddressSpace& kernel, TrapFrame& saved) {
  const auto pc = saved.get("tf_elr"), state = saved.get("tf_spsr");
  const auto numbered = saved.place("tf_x");
  if (!pc || !state || !numbered || !is_state(*state)) return std::nullopt;
  Interrupted found;
  found.ends = (*state & 0xf) == 0 || *pc == 0;  // EL0
  found.registers.pc = pc;
  found.registers.sp = saved.get("tf_sp");
  for (unsigned i = 0; i < 30; ++i)
    if (const auto value = kernel.u64(*numbered + std::uint64_t{8} * i)) {
      found.registers.others.emplace_back(fmt::format("x{}", i), *value);
      if (i == 29) found.registers.fp = *value;
    }
  if (const auto link = saved.get("tf_lr")) found.registers.others.emplace_back("lr", *link);
  // What the processor told of a fault; its address is kept since FreeBSD 14.
  if (const auto syndrome = saved.get("tf_esr"))
    found.registers.others.emplace_back("syndrome", *syndrome);
  if (const auto address = saved.get("tf_far"))
    found.registers.others.emplace_back("fault_address", *address);
  return found;
}

}  // namespace

std::optional<Interrupted> trap_frame_at(AddressSpace& kernel, const SymbolTable& symbols,
                                         const TypeCatalog& types, const Registers& frame,
                                         std::uint64_t lookup_address) {
  const Architecture architecture = kernel.machine().architecture;
  const auto function = symbols.at(lookup_address);
  if (!function || !frame.sp || !is_entry(function->name, architecture)) return std::nullopt;
  std::uint64_t address = *frame.sp;
  if (architecture == Architecture::i386) {
    // Its address is the argument of the function that was called.
    const auto argument = kernel.word(address);
    if (!argument || *argument != address + kernel.machine().pointer_size) return std::nullopt;
    address = *argument;
  }
  if (architecture == Architecture::aarch64) {
    // Its frame pointer leads to the end of what it saved. Where frames were found by their records
    // alone, that is all that is known: below a record lies what its function has besides.
    const auto size = types.size_of("trapframe");
    if (size && frame.fp && *frame.fp > *size) {
      TrapFrame saved(kernel, types, *frame.fp - *size);
      if (auto found = on_aarch64(kernel, saved)) return found;
    }
  }
  TrapFrame saved(kernel, types, address);
  if (architecture == Architecture::aarch64) return on_aarch64(kernel, saved);
  return on_x86(saved, architecture == Architecture::x86_64);
}

}  // namespace panicroom::freebsd
