#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
  unsigned size = 0;                     ///< bytes
  bool reads = false, writes = false;
};

struct Instruction {
  std::string text;  ///< AT&T syntax, as objdump prints it
  unsigned length = 0;
  std::vector<MemoryOperand> memory;
  std::vector<std::string> registers;  ///< those that it names, "rax", in their order
};

/// The instruction at the front of `code`, which lies at `pc`; `registers` are those before it.
/// x86 alone (Zydis). Errors: `unsupported` for other architectures, `corrupt` for what is no
/// instruction.
Result<Instruction> decode_instruction(const Machine& machine, Bytes code, std::uint64_t pc,
                                       const Registers& registers);

}  // namespace panicroom
