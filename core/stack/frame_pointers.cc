#include "core/stack/return_address.h"
#include "core/stack/unwind.h"

namespace panicroom {
namespace {

constexpr std::size_t most_frames = 512;
// An interrupt, a double fault and an NMI each may run on a stack of its own.
constexpr unsigned most_stack_switches = 4;

bool within(std::uint64_t address, std::uint64_t low, std::uint64_t high) {
  return (low == 0 && high == 0) || (address >= low && address < high);
}

}  // namespace

// The frame record is the same on x86 and AArch64: [fp] the caller's frame pointer, then the return
// address (System V ABI for each; AAPCS64, "The Frame Pointer").
Unwound unwind_frame_pointers(AddressSpace& kernel, const Registers& registers,
                              std::uint64_t stack_low, std::uint64_t stack_high,
                              const std::function<bool(std::uint64_t)>& is_text,
                              const InterruptedAt& interrupted) {
  Unwound unwound;
  if (!registers.pc) {
    unwound.stopped = Error{ErrorCode::not_in_dump, Absence::none,
                            "the thread's registers are not known", std::nullopt, std::nullopt};
    return unwound;
  }
  unwound.frames.push_back({*registers.pc, registers.sp, true});
  const unsigned word = kernel.machine().pointer_size;
  // Where programs' addresses end and the kernel's begin; a kernel with another split of 32 bits is
  // not recognised.
  const std::uint64_t user_end = word == 8 ? std::uint64_t{1} << 47 : 0xc0000000;
  const std::uint64_t kernel_start = word == 8 ? std::uint64_t{1} << 63 : 0xc0000000;
  std::uint64_t fp = registers.fp.value_or(0);
  const bool one_stack = stack_low != 0 || stack_high != 0;
  unsigned switches = 0;
  while (fp != 0) {
    const auto stop = [&](ErrorCode code, const char* why) {
      unwound.stopped = Error{code, Absence::none, why, fp, std::nullopt};
    };
    if (fp % word != 0 || !within(fp, stack_low, stack_high)) {
      stop(ErrorCode::corrupt, "a saved frame pointer points out of the stack");
      return unwound;
    }
    if (unwound.frames.size() == most_frames) {
      stop(ErrorCode::corrupt, "the stack has more frames than any kernel's");
      return unwound;
    }
    if (interrupted && unwound.frames.size() > 1) {
      const UnwoundFrame& entry = unwound.frames.back();
      const auto trap = interrupted({entry.pc, entry.sp, fp, {}}, entry.lookup_address(), false);
      if (trap && trap->ends) return unwound;
      if (trap && trap->registers.pc) {
        const std::uint64_t next = trap->registers.fp.value_or(0);
        unwound.frames.push_back({*trap->registers.pc,
                                  trap->registers.sp,
                                  true,
                                  {},
                                  std::make_shared<const Registers>(trap->registers)});
        if (next != 0 && next <= fp &&
            (next == fp || one_stack || ++switches > most_stack_switches)) {
          stop(ErrorCode::corrupt, "the saved frame pointers do not rise");
          return unwound;
        }
        fp = next;
        continue;
      }
    }
    const auto caller = kernel.word(fp);
    const auto saved = kernel.word(fp + word);
    if (!caller || !saved) {
      unwound.stopped = (!caller ? caller.error() : saved.error()).within("a frame cannot be read");
      return unwound;
    }
    if (*saved == 0) return unwound;
    const std::uint64_t address = without_signature(*saved, kernel.machine().architecture, is_text);
    if (!is_text(address)) {
      unwound.stopped = Error{ErrorCode::corrupt, Absence::none,
                              "a return address points to no code", address, std::nullopt};
      return unwound;
    }
    unwound.frames.push_back({address, fp + std::uint64_t{2} * word, false});
    // On entry from user mode the kernel saved the program's own frame pointer.
    if (*caller < user_end && *caller % word == 0 && fp >= kernel_start) return unwound;
    // Within a stack the frame pointers rise; a fall is a change of stacks, which can happen few
    // times, and never to a place within the one known stack.
    const unsigned allowed = one_stack ? 0 : most_stack_switches;
    if (*caller != 0 && *caller <= fp && (*caller == fp || ++switches > allowed)) {
      stop(ErrorCode::corrupt, "the saved frame pointers do not rise");
      return unwound;
    }
    fp = *caller;
  }
  return unwound;
}

}  // namespace panicroom
