#include "core/kernel/openbsd/thread_registers.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>

#include "core/kernel/field.h"

namespace panicroom::openbsd {
namespace {

constexpr std::string_view what = "a thread's registers";
constexpr std::uint64_t page = 4096;
constexpr std::uint64_t most_pushed_more = 2;  // words

/// What a struct pcb keeps of a stack.
struct SavedStack {
  std::uint64_t sp = 0, fp = 0;
};

/// struct switchframe (sys/arch/amd64/include/frame.h, arm64's; i386 pushes three): what lies at
/// the stack pointer, the address to go on at the last.
std::span<const std::string_view> switch_frame(Architecture architecture) {
  static constexpr std::array<std::string_view, 7> amd64 = {"r15", "r14", "r13", "r12",
                                                            "rbp", "rbx", "rip"};
  static constexpr std::array<std::string_view, 4> i386 = {"edi", "esi", "ebx", "eip"};
  static constexpr std::array<std::string_view, 12> arm64 = {
      "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30"};
  switch (architecture) {
    case Architecture::x86_64:
      return amd64;
    case Architecture::i386:
      return i386;
    case Architecture::aarch64:
      return arm64;
    default:
      return {};
  }
}

Result<std::uint64_t> user_area(Evidence& evidence, std::uint64_t thread) {
  return Field("proc", "p_addr").read(evidence, thread);
}

/// Where a struct pcb has the stack pointer, the frame pointer behind it. Without types that of
/// amd64 is known by what it must hold, one after the other: a root of page tables, these two, and
/// where the stack ends, in its last page (sys/arch/amd64/include/pcb.h). `area`: of a thread that
/// is switched out.
Result<std::uint64_t> find_in_pcb(Evidence& evidence, std::uint64_t area) {
  constexpr std::uint64_t largest_pcb = 3072;
  const std::uint64_t size = size_of_user_area(Architecture::x86_64);
  const std::uint64_t memory_end = evidence.dump().memory->end();
  std::array<std::uint64_t, 4> last{};
  for (std::uint64_t at = 0; at < largest_pcb; at += 8) {
    PANICROOM_TRY(word, evidence.memory().word(area + at));
    last = {last[1], last[2], last[3], word};
    const auto& [root, sp, fp, end] = last;
    const auto on_stack = [&](std::uint64_t address) {
      return address > area && address - area < size;
    };
    const std::uint64_t frame = root & 0x000ffffffffff000;
    if (frame != 0 && frame < memory_end && on_stack(sp) && (fp == 0 || on_stack(fp)) &&
        on_stack(end) && end - area >= size - 2 * page && end >= sp)
      return at - 16;
  }
  return fail_at_address(ErrorCode::no_type, area,
                         "struct pcb is not known, and nothing in it looks like a stack pointer");
}

/// Of the struct pcb at `pcb`. `area`: of some thread, to learn from where the members lie.
Result<SavedStack> saved_stack(Evidence& evidence, std::uint64_t pcb, std::uint64_t area) {
  const Field stack("pcb", {"pcb_rsp", "pcb_esp", "pcb_sp"}), frame("pcb", {"pcb_rbp", "pcb_ebp"});
  SavedStack saved;
  if (!stack.exists(evidence) && evidence.memory().machine().architecture == Architecture::x86_64) {
    PANICROOM_TRY(offset, find_in_pcb(evidence, area));
    PANICROOM_TRY(sp, evidence.memory().word(pcb + offset));
    PANICROOM_TRY(fp, evidence.memory().word(pcb + offset + 8));
    saved.sp = sp, saved.fp = fp;
    return saved;
  }
  PANICROOM_TRY(sp, stack.read(evidence, pcb));
  saved.sp = sp;
  if (frame.exists(evidence)) {
    PANICROOM_TRY(fp, frame.read(evidence, pcb));
    saved.fp = fp;
  }
  return saved;
}

struct Resumes {
  std::uint64_t pc = 0, sp = 0;
};

/// The return address at `address`. A kernel that pushes more than others has it behind that: the
/// first word that leads to code.
Result<Resumes> resumes_at(Evidence& evidence, std::uint64_t address) {
  const unsigned word = evidence.pointer_size();
  PANICROOM_TRY(usual, evidence.memory().word(address));
  std::uint64_t pc = usual;
  for (std::uint64_t more = 0; more <= most_pushed_more; ++more) {
    const auto translated = evidence.memory().translate(pc);
    if (translated && translated->executable) return Resumes{pc, address + (more + 1) * word};
    const auto next = evidence.memory().word(address + (more + 1) * word);
    if (!next) break;
    pc = *next;
  }
  return Resumes{usual, address + word};
}

Result<Registers> read_switched_out(Evidence& evidence, std::uint64_t thread) {
  const Architecture architecture = evidence.memory().machine().architecture;
  const unsigned word = evidence.pointer_size();
  const auto names = switch_frame(architecture);
  if (names.empty())
    return fail(ErrorCode::unsupported,
                fmt::format("what cpu_switchto() saves is not known on {}", name(architecture)));
  PANICROOM_TRY(area, user_area(evidence, thread));
  PANICROOM_TRY(pcb, Field("user", "u_pcb").exists(evidence)
                         ? Field("user", "u_pcb").place(evidence, area)
                         : Result<std::uint64_t>(area));
  PANICROOM_TRY(saved, saved_stack(evidence, pcb, area));
  Registers registers;
  for (std::size_t index = 0; index < names.size(); ++index) {
    PANICROOM_TRY(value, evidence.memory().word(saved.sp + index * word));
    registers.others.emplace_back(names[index], value);
  }
  const bool arm = architecture == Architecture::aarch64;
  PANICROOM_TRY(resumes, resumes_at(evidence, saved.sp + (names.size() - 1) * word));
  registers.pc = resumes.pc;
  registers.sp = resumes.sp;
  registers.fp = arm ? registers.find("x29") : saved.fp;
  return registers;
}

Result<SavedStack> dump_context(Evidence& evidence) {
  PANICROOM_TRY(pcb, evidence.address_of("dumppcb"));
  PANICROOM_TRY(first, evidence.address_of("proc0"));
  PANICROOM_TRY(area, user_area(evidence, first));
  return saved_stack(evidence, pcb, area);
}

/// savectx(&dumppcb) is called by what writes the dump: its return address lies at the stack
/// pointer.
Result<Registers> read_dump_context(Evidence& evidence) {
  PANICROOM_TRY(saved, dump_context(evidence));
  if (saved.sp == 0) return fail(ErrorCode::not_in_dump, "dumppcb is empty");
  PANICROOM_TRY(resumes, resumes_at(evidence, saved.sp));
  Registers registers;
  registers.pc = resumes.pc;
  registers.sp = resumes.sp;
  registers.fp = saved.fp;
  return registers;
}

}  // namespace

std::uint64_t size_of_user_area(Architecture architecture) {
  // UPAGES, sys/arch/*/include/param.h, the same from 7.3 to 7.6.
  switch (architecture) {
    case Architecture::x86_64:
      return 6 * page;
    case Architecture::i386:
      return 3 * page;
    case Architecture::aarch64:
      return 5 * page;
    default:
      return 0;
  }
}

Registers registers_switched_out(Evidence& evidence, std::uint64_t thread, Notes& notes) {
  return noted(read_switched_out(evidence, thread), notes, what).value_or(Registers());
}

Registers registers_on_cpu(Evidence& evidence, std::uint64_t number, std::uint64_t thread,
                           bool crashed, Notes& notes) {
  for (const CpuState& cpu : evidence.dump().cpus)
    if (cpu.index == number) return cpu.registers;
  if (crashed) {
    const auto wrote = dump_stack_pointer(evidence);
    if (wrote && is_on_stack_of(evidence, thread, *wrote))
      return noted(read_dump_context(evidence), notes, what).value_or(Registers());
  }
  notes.add(Note{ErrorCode::not_in_dump,
                 "the registers of a processor that was running are not in a dump that the kernel "
                 "wrote itself, but for the one that wrote it",
                 std::nullopt});
  return {};
}

std::optional<std::uint64_t> dump_stack_pointer(Evidence& evidence) {
  const auto saved = dump_context(evidence);
  return saved && saved->sp != 0 ? std::optional(saved->sp) : std::nullopt;
}

bool is_on_stack_of(Evidence& evidence, std::uint64_t thread, std::uint64_t address) {
  const auto area = user_area(evidence, thread);
  return area && *area != 0 && address >= *area &&
         address - *area < size_of_user_area(evidence.memory().machine().architecture);
}

}  // namespace panicroom::openbsd
