#include "core/kernel/linux/stacks.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string>
#include <utility>

#include "core/kernel/linux/interrupted.h"

namespace panicroom::linux_kernel {
namespace {

/// True when the registers are those of a program, not of the kernel.
bool in_user_mode(const Registers& registers, Architecture architecture) {
  if (architecture == Architecture::aarch64) {
    const auto pstate = registers.find("pstate");
    return pstate && (*pstate & 0xfU) == 0;  // EL0t
  }
  const auto cs = registers.find("cs");
  return cs && (*cs & 3U) == 3;
}

Result<OrcTables> orc_tables(Evidence& evidence) {
  PANICROOM_TRY(ip_start, evidence.address_of("__start_orc_unwind_ip"));
  PANICROOM_TRY(ip_stop, evidence.address_of("__stop_orc_unwind_ip"));
  PANICROOM_TRY(entries, evidence.address_of("__start_orc_unwind"));
  if (ip_stop <= ip_start)
    return fail_at_address(ErrorCode::corrupt, ip_start, "the kernel's ORC table is empty");
  OrcTables tables;
  tables.ip_table = ip_start;
  tables.unwind_table = entries;
  tables.count = (ip_stop - ip_start) / 4;
  // The type field grew to three bits with Linux 6.4.
  PANICROOM_TRY(type, evidence.member("orc_entry", "type"));
  tables.version = type.bit_size == 3 ? 1 : 0;
  PANICROOM_TRY(types, evidence.types());
  PANICROOM_TRY(size, types->size_of("orc_entry"));
  if (size == 0 || size > 64)
    return fail(ErrorCode::corrupt, "struct orc_entry has an impossible size");
  tables.entry_size = static_cast<std::uint32_t>(size);
  return tables;
}

}  // namespace

Stacks::Stacks(Evidence& evidence, std::function<const Modules&()> modules)
    : evidence_(evidence), modules_(std::move(modules)) {}

std::optional<OrcTables> Stacks::orc_of(std::uint64_t pc) {
  if (const Module* module = modules_().at(pc)) {
    if (!module->orc) return std::nullopt;
    // Modules are built with the kernel's own form of the tables.
    OrcTables tables = *module->orc;
    tables.entry_size = orc_->entry_size;
    tables.version = orc_->version;
    return tables;
  }
  return orc_;
}

void Stacks::prepare() {
  if (std::exchange(prepared_, true)) return;
  const std::array<std::pair<std::string_view, std::string_view>, 2> sections = {
      {{"_stext", "_etext"}, {"_sinittext", "_einittext"}}};
  for (const auto& [first, last] : sections) {
    const auto start = evidence_.address_of(first), end = evidence_.address_of(last);
    if (start && end && *start < *end) text_.push_back({*start, *end});
  }
  if (evidence_.dump().machine.architecture != Architecture::x86_64) return;
  if (const auto tables = orc_tables(evidence_)) orc_ = *tables;
}

bool Stacks::is_text(std::uint64_t address) {
  for (const AddressRange& range : text_)
    if (address >= range.start && address < range.end) return true;
  // Modules and generated code.
  const bool upper = evidence_.pointer_size() == 8 ? address >> 63U != 0 : true;
  if (!upper) return false;
  const auto translated = evidence_.memory().translate(address);
  return translated && translated->executable && !translated->user;
}

Registers Stacks::registers_of(std::uint64_t task, const std::optional<Running>& running,
                               Notes& notes) {
  if (!running) return switched_out(task, notes);
  const std::string where =
      running->cpu ? fmt::format("processor {}", *running->cpu) : std::string("its processor");
  if (!running->state) {
    notes.add(Note{ErrorCode::not_in_dump,
                   fmt::format("the dump has no registers for {}: the stack of the thread that it "
                               "was running is unknown",
                               where),
                   task});
    return {};
  }
  if (in_user_mode(running->state->registers, evidence_.dump().machine.architecture)) {
    notes.add(Note{ErrorCode::invalid,
                   fmt::format("{} was in user mode: the thread that it was running has no kernel "
                               "frames",
                               where),
                   task});
    return {};
  }
  return running->state->registers;
}

Registers Stacks::switched_out(std::uint64_t task, Notes& notes) {
  AddressSpace& memory = evidence_.memory();
  Registers registers;
  std::optional<Error> why;
  const auto read = [&](std::uint64_t address, std::string_view structure,
                        std::string_view path) -> std::optional<std::uint64_t> {
    const auto member = evidence_.member(structure, path);
    const auto value =
        member ? evidence_.field(address, *member) : Result<std::uint64_t>(Failure(member.error()));
    if (value) return *value;
    if (!why) why = value.error();
    return std::nullopt;
  };
  const auto finish = [&]() {
    if (why) {
      notes.add(why->within("the registers of a thread that was on no processor"));
      return Registers{};
    }
    return std::move(registers);
  };

  // A thread that has exited gives its stack back before its task_struct.
  if (const auto stack = read(task, "task_struct", "stack"); stack && *stack == 0) return {};
  if (evidence_.dump().machine.architecture == Architecture::aarch64) {
    registers.pc = read(task, "task_struct", "thread.cpu_context.pc");
    registers.sp = read(task, "task_struct", "thread.cpu_context.sp");
    registers.fp = read(task, "task_struct", "thread.cpu_context.fp");
    for (unsigned number = 19; number <= 28; ++number)
      if (const auto value =
              read(task, "task_struct", fmt::format("thread.cpu_context.x{}", number)))
        registers.others.emplace_back(fmt::format("x{}", number), *value);
    return finish();
  }
  const auto sp = read(task, "task_struct", "thread.sp");
  if (!sp) return finish();
  registers.pc = read(*sp, "inactive_task_frame", "ret_addr");
  registers.fp = read(*sp, "inactive_task_frame", "bp");
  if (const auto types = evidence_.types()) {
    const auto size = (*types)->size_of("inactive_task_frame");
    if (size)
      registers.sp = *sp + *size;
    else if (!why)
      why = size.error();
  }
  using Saved = std::pair<const char*, std::string_view>;
  constexpr std::array<Saved, 5> saved_64 = {
      {{"rbx", "bx"}, {"r12", "r12"}, {"r13", "r13"}, {"r14", "r14"}, {"r15", "r15"}}};
  constexpr std::array<Saved, 3> saved_32 = {{{"ebx", "bx"}, {"esi", "si"}, {"edi", "di"}}};
  const bool wide = memory.machine().architecture == Architecture::x86_64;
  for (const auto& [register_name, path] :
       wide ? std::span<const Saved>(saved_64) : std::span<const Saved>(saved_32))
    if (const auto value = read(*sp, "inactive_task_frame", path))
      registers.others.emplace_back(register_name, *value);
  return finish();
}

Registers Stacks::saved_at(std::uint64_t address, Notes& notes) {
  // Linux arch/x86/include/asm/ptrace.h. In the place of orig_ax a trap has its error code.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 19> members = {
      {{"rax", "ax"},
       {"rbx", "bx"},
       {"rcx", "cx"},
       {"rdx", "dx"},
       {"rsi", "si"},
       {"rdi", "di"},
       {"r8", "r8"},
       {"r9", "r9"},
       {"r10", "r10"},
       {"r11", "r11"},
       {"r12", "r12"},
       {"r13", "r13"},
       {"r14", "r14"},
       {"r15", "r15"},
       {"cs", "cs"},
       {"rflags", "flags"},
       {"ss", "ss"},
       {"error_code", "orig_ax"},
       {"rbp", "bp"}}};
  Registers registers;
  if (evidence_.dump().machine.architecture != Architecture::x86_64) return registers;
  const auto read = [&](std::string_view path) -> std::optional<std::uint64_t> {
    const auto member = evidence_.member("pt_regs", path);
    const auto value =
        member ? evidence_.field(address, *member) : Result<std::uint64_t>(Failure(member.error()));
    if (value) return *value;
    notes.add(value.error().within("the registers of interrupted code"));
    return std::nullopt;
  };
  registers.pc = read("ip");
  if (!registers.pc) return {};
  registers.sp = read("sp");
  for (const auto& [register_name, path] : members) {
    const auto value = read(path);
    if (!value) continue;
    if (register_name == "rbp")
      registers.fp = value;
    else
      registers.others.emplace_back(register_name, *value);
  }
  return registers;
}

Unwound Stacks::by_best_evidence(const Thread& thread,
                                 const std::function<bool(std::uint64_t)>& text) {
  CodeFiles& code = evidence_.code();
  Unwound by_orc;
  if (orc_) {
    by_orc = unwind_orc(
        evidence_.memory(), [this](std::uint64_t pc) { return orc_of(pc); }, thread.registers,
        text);
    if (!by_orc.stopped || !code.have_rules()) return by_orc;
  } else if (!code.have_rules()) {
    InterruptedAt interrupted;
    // There the frame record says itself whether it is a trap's.
    if (evidence_.dump().machine.architecture == Architecture::aarch64)
      interrupted = [&](const Registers& frame, std::uint64_t, bool) {
        return interrupted_by_entry(evidence_, frame, text);
      };
    return unwind_frame_pointers(evidence_.memory(), thread.registers, thread.stack_low,
                                 thread.stack_high, text, interrupted);
  }
  Unwound by_cfi = unwind_cfi(
      evidence_.memory(), [&code](std::uint64_t pc) { return code.rules(pc); }, thread.registers,
      text,
      [&](const Registers& frame, std::uint64_t, bool described) {
        return described ? std::nullopt : interrupted_by_entry(evidence_, frame, text);
      });
  if (by_orc.frames.size() >= by_cfi.frames.size() && by_cfi.stopped) return by_orc;
  return by_cfi;
}

Unwound Stacks::unwind(const Thread& thread) {
  if (!thread.registers.pc || !thread.registers.sp) return {};
  prepare();
  const auto text = [this](std::uint64_t address) { return is_text(address); };
  Unwound unwound = by_best_evidence(thread, text);
  // What a switch saved is where it returns to, not an interrupted instruction.
  if (!thread.cpu && !unwound.frames.empty()) unwound.frames.front().exact = false;
  return unwound;
}

}  // namespace panicroom::linux_kernel
