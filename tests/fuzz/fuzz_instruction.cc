// The decoder of instructions on anything: what it says of an instruction's length must be true,
// and its text without line breaks.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "core/analysis/instruction.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using panicroom::Architecture;
  // The first byte chooses the architecture and whether the registers are known.
  if (size == 0) return 0;
  panicroom::Machine machine;
  constexpr Architecture architectures[] = {Architecture::aarch64, Architecture::x86_64,
                                            Architecture::i386, Architecture::riscv64};
  machine.architecture = architectures[data[0] % 4];
  machine.pointer_size = machine.architecture == Architecture::i386 ? 4 : 8;
  panicroom::Registers registers;
  if (data[0] >= 128) {
    registers.sp = registers.fp = ~std::uint64_t{0} - 7;
    for (const char* name : {"x0", "x1", "x30", "rax", "rbx", "eax", "ecx"})
      registers.others.emplace_back(name, ~std::uint64_t{0} - 15);
  }
  const auto code = std::as_bytes(std::span(data + 1, size - 1));
  const auto found = panicroom::decode_instruction(machine, code, ~std::uint64_t{0} - 3, registers);
  if (!found) return 0;
  if (found->length == 0 || found->length > code.size() || found->text.empty() ||
      found->text.find('\n') != std::string::npos)
    std::abort();
  return 0;
}
