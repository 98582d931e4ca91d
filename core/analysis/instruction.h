#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/registers.h"

namespace panicroom {

/// What an instruction does to memory.
struct MemoryOperand {
  std::optional<std::uint64_t> address;  ///< when all registers that make it up are known
  unsigned size = 0;                     ///< bytes; 0 where only the processor knows
  bool reads = false, writes = false;
};

struct Instruction {
  std::string text;  ///< as objdump prints it; x86 in AT&T syntax
  unsigned length = 0;
  std::vector<MemoryOperand> memory;
  std::vector<std::string> registers;  ///< those that it names, "rax", "x19", in their order
  std::optional<std::uint16_t> trap;   ///< what AArch64's BRK, HLT or UDF was given
};

/// A register by its name on x86 or AArch64.
std::optional<std::uint64_t> register_value(const Registers& registers, std::string_view name);

/// The instruction at the front of `code`, which lies at `pc`; `registers` are those before it.
/// x86 (Zydis) and AArch64 (aarch64_instruction.h). Errors: `unsupported` for other architectures,
/// `corrupt` for what is no instruction.
Result<Instruction> decode_instruction(const Machine& machine, Bytes code, std::uint64_t pc,
                                       const Registers& registers);

}  // namespace panicroom
