// Prints what the engine makes of A64 instructions, for the comparison with disassemblers. On
// standard input: an address and a word, hexadecimal. Xn holds (n + 1) << 32 | n << 4, the stack
// pointer what would be X31's. Prints TEXT, then for each operand ADDRESS SIZE ACCESS ("r", "w",
// "rw", "-"), parted by tabulators.
#include <cstdio>
#include <string>

#include "core/analysis/aarch64_instruction.h"

namespace {

using namespace panicroom;

std::uint64_t value_of(std::uint64_t number) { return (number + 1) << 32U | number << 4U; }

Registers known() {
  Registers registers;
  for (std::uint64_t number = 0; number < 31; ++number)
    registers.others.emplace_back("x" + std::to_string(number), value_of(number));
  registers.fp = value_of(29);
  registers.sp = value_of(31);
  return registers;
}

}  // namespace

int main() {
  const Registers registers = known();
  unsigned long long at = 0, word = 0;
  while (std::scanf("%llx %llx", &at, &word) == 2) {
    const Instruction instruction = decode_aarch64(static_cast<std::uint32_t>(word), at, registers);
    std::string line = instruction.text;
    for (const MemoryOperand& operand : instruction.memory) {
      char address[32] = "?";
      if (operand.address)
        std::snprintf(address, sizeof address, "%llx",
                      static_cast<unsigned long long>(*operand.address));
      line += "\t" + std::string(address) + " " + std::to_string(operand.size) + " ";
      line += operand.reads ? operand.writes ? "rw" : "r" : operand.writes ? "w" : "-";
    }
    std::puts(line.c_str());
  }
}
