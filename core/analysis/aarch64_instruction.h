#pragma once

#include <cstdint>

#include "core/analysis/instruction.h"

namespace panicroom {

/// The A64 instruction `word` at `pc`, as GNU objdump writes it, where it is one that can fault or
/// trap: loads and stores, cache maintenance by address, BRK, HLT, UDF, calls of the system, and
/// branches to a register. All others have the text ".inst 0x........" and no operands.
/// Encodings: Arm Architecture Reference Manual for A-profile (DDI 0487), C4.1.
Instruction decode_aarch64(std::uint32_t word, std::uint64_t pc, const Registers& registers);

}  // namespace panicroom
