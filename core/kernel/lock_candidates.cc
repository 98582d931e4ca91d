#include "core/kernel/lock_candidates.h"

namespace panicroom {

std::vector<std::uint64_t> lock_candidates(
    AddressSpace& memory, const Thread& thread, const Unwound& stack, std::size_t index,
    const std::function<Registers(std::uint64_t saved)>& registers_at) {
  constexpr std::size_t most_words = 64;
  const UnwoundFrame& frame = stack.frames[index];
  Registers registers;
  if (frame.interrupted)
    registers = *frame.interrupted;
  else if (frame.saved_registers)
    registers = registers_at(*frame.saved_registers);
  else if (index == 0)
    registers = thread.registers;
  std::vector<std::uint64_t> found;
  for (const char* argument : {"rdi", "x0", "eax"})
    if (const auto value = registers.find(argument)) found.push_back(*value);
  for (const auto& [name, value] : registers.others) found.push_back(value);
  if (registers.fp) found.push_back(*registers.fp);

  // What it called has saved its registers on the stack, below its own frame.
  const unsigned pointer = memory.machine().pointer_size;
  const bool called = index != 0 && !frame.exact;
  auto at = called ? stack.frames[index - 1].sp : frame.sp;
  if (!at || *at % pointer != 0) return found;
  const auto end = index + 1 < stack.frames.size() ? stack.frames[index + 1].sp : std::nullopt;
  for (std::size_t i = 0; i < most_words && (!end || *at < *end); ++i, *at += pointer) {
    const auto word = memory.word(*at);
    if (!word) break;
    found.push_back(*word);
  }
  return found;
}

}  // namespace panicroom
