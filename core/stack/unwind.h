#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/registers.h"
#include "core/memory/address_space.h"
#include "core/stack/cfi.h"

namespace panicroom {

/// One frame of a kernel stack, innermost first.
struct UnwoundFrame {
  std::uint64_t pc = 0;
  std::optional<std::uint64_t> sp;  ///< stack pointer in that frame, where the unwinder knows it
  bool exact = true;  ///< pc is the interrupted instruction itself, not a return address
  /// Where the trap's or interrupt's entry saved this frame's registers, if it stopped here.
  std::optional<std::uint64_t> saved_registers = {};
  /// Those registers, where the unwinder read them itself.
  std::shared_ptr<const Registers> interrupted = {};

  /// The address by which to look up the function: a return address may already belong to the next
  /// function when the call does not return.
  std::uint64_t lookup_address() const { return exact || pc == 0 ? pc : pc - 1; }
};

/// Result of an unwinding: the frames found, and why it ended if not at the stack's outermost
/// frame.
struct Unwound {
  std::vector<UnwoundFrame> frames;
  std::optional<Error> stopped;
  std::vector<Note> remarks;  ///< where frames were found in another way than the best evidence's
};

/// Linux's ORC tables (x86_64): where to find the caller's registers for each address.
struct OrcTables {
  std::uint64_t ip_table = 0;      ///< __start_orc_unwind_ip: i32 relative to its own slot
  std::uint64_t unwind_table = 0;  ///< __start_orc_unwind
  std::uint64_t count = 0;         ///< entries
  std::uint32_t entry_size = 6;
  unsigned version = 0;  ///< 0: before 6.4 (bit layout changed), 1: 6.4 and later
};

/// The tables that hold an instruction's entry: the kernel's own or its module's.
using OrcTablesOf = std::function<std::optional<OrcTables>(std::uint64_t pc)>;

/// Unwinds by ORC from `registers` (pc, sp, fp; "r10", "r13", "rdi", "rdx" where a table asks for
/// them) through trap and interrupt frames and between the processor's stacks, to the entry from
/// user mode or the thread's first function. `pc` counts as exact; for a switched-out thread pass
/// what struct inactive_task_frame at thread.sp saved, and as sp the first address after it. Only
/// the table parts that are looked up are read.
Unwound unwind_orc(AddressSpace& kernel, const OrcTables& tables, const Registers& registers,
                   const std::function<bool(std::uint64_t)>& is_text);
Unwound unwind_orc(AddressSpace& kernel, const OrcTablesOf& tables_of, const Registers& registers,
                   const std::function<bool(std::uint64_t)>& is_text);

/// The rules of call-frame information for the instruction at a run-time address, with the run-time
/// minus the link-time addresses of the file that has them; nothing where no file covers it.
struct CfiFound {
  CfiRow row;
  std::uint64_t slide = 0;
};
using CfiOf = std::function<Result<std::optional<CfiFound>>(std::uint64_t pc)>;

/// What a trap or an interrupt stopped. `ends`: it came from user mode, or is a thread's start.
struct Interrupted {
  Registers registers;
  bool ends = false;
};
/// Asked of every frame but the innermost: is its function the kernel's entry from a trap, and with
/// what registers then? `described`: call-frame information covers it. Of `frame` pc, sp and fp are
/// given where they are known.
using InterruptedAt = std::function<std::optional<Interrupted>(
    const Registers& frame, std::uint64_t lookup_address, bool described)>;

/// Follows saved frame pointers from `registers` (pc, fp). Frame pointers must be aligned, lie
/// within [stack_low, stack_high) where that is known (both 0: unknown), and rise; a few falls are
/// taken for changes of stacks. Each return address must satisfy `is_text`. Ends without an error
/// at a null frame pointer or return address. `interrupted` leads on through traps, where given.
Unwound unwind_frame_pointers(AddressSpace& kernel, const Registers& registers,
                              std::uint64_t stack_low, std::uint64_t stack_high,
                              const std::function<bool(std::uint64_t)>& is_text,
                              const InterruptedAt& interrupted = {});

/// Unwinds by call-frame information from `registers` (pc, sp; the others where they are known). A
/// frame that it does not describe or describes wrongly is unwound by its frame pointer, with a
/// remark. Ends without an error where an entry says so, at a null return address or frame pointer
/// and where `interrupted` says that the stack ends. An architecture without register numbers is
/// unwound by frame pointers alone.
Unwound unwind_cfi(AddressSpace& kernel, const CfiOf& rules, const Registers& registers,
                   const std::function<bool(std::uint64_t)>& is_text,
                   const InterruptedAt& interrupted);

}  // namespace panicroom
