#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/registers.h"
#include "core/kernel/illumos/evidence.h"
#include "core/stack/unwind.h"

namespace panicroom::illumos {

/// The registers in the label_t at `address`, which resume() saved when it took a thread off its
/// processor, or setjmp() when the system died (uts/intel/ia32/sys/machtypes.h). The frame pointer
/// leads to the frame that the stack pointer stands in, where resume() began one.
Result<Registers> read_label(AddressSpace& kernel, std::uint64_t address);

/// What panicsys() kept in panicbuf (uts/common/sys/panic.h): the registers of the trap that killed
/// the system or of panic()'s caller, and the text.
struct PanicBuffer {
  Registers registers;
  std::optional<std::string> text;
};
/// Errors: `no_symbol`, `corrupt` (another version, a text out of the buffer), those of a read.
Result<PanicBuffer> read_panic_buffer(Evidence& evidence);

/// The struct regs at `address`, which a trap's, an interrupt's or a system call's entry saved
/// (uts/intel/sys/privregs.h). `ends`: it came from user mode. Errors: those of a read.
Result<Interrupted> read_saved_registers(AddressSpace& kernel, std::uint64_t address);

/// True for the kernel's entries from traps, interrupts and system calls, whose frames begin with a
/// struct regs (uts/i86pc/ml/locore.s, interrupt.s, syscall_asm_amd64.s;
/// uts/intel/ia32/ml/exception.s).
bool is_entry(std::string_view function);

}  // namespace panicroom::illumos
