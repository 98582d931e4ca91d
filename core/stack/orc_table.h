#pragma once

#include <cstdint>
#include <optional>

#include "core/memory/address_space.h"
#include "core/stack/unwind.h"

namespace panicroom {

/// Registers that an entry may count from. Linux, arch/x86/include/asm/orc_types.h.
enum class OrcRegister : std::uint8_t {
  undefined,
  previous_sp,
  dx,
  di,
  bp,
  sp,
  r10,
  r13,
  bp_indirect,
  sp_indirect
};

/// What the entry says that lies at the previous stack pointer.
enum class OrcFrame : std::uint8_t {
  undefined,     ///< the code changes the stack in ways that no table describes
  end_of_stack,  ///< the outermost frame
  call,          ///< a return address just below
  registers,     ///< a whole struct pt_regs
  interrupt      ///< only what the processor pushed: ip, cs, flags, sp, ss
};

struct OrcEntry {
  std::int16_t sp_offset = 0;
  std::int16_t bp_offset = 0;
  OrcRegister sp_register = OrcRegister::undefined;
  OrcRegister bp_register = OrcRegister::undefined;
  OrcFrame frame = OrcFrame::undefined;
  bool interrupted = false;  ///< the caller was interrupted: its pc is not a return address
};

/// The entry for the instruction at `pc`, by binary search in kernel memory; nothing when the table
/// covers it not. Errors: those of a read, `corrupt` for fields that no entry has.
Result<std::optional<OrcEntry>> find_orc_entry(AddressSpace& kernel, const OrcTables& tables,
                                               std::uint64_t pc);

}  // namespace panicroom
