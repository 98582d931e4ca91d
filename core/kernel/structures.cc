#include "core/kernel/structures.h"

namespace panicroom {

Result<std::uint64_t> Structures::field(std::uint64_t address, const Member& member) {
  PANICROOM_TRY(value, memory().integer(address + member.offset, member.size));
  if (member.bit_size == 0 || member.bit_size >= 64 || member.bit_offset >= 64) return value;
  return value >> member.bit_offset & ((std::uint64_t{1} << member.bit_size) - 1);
}

}  // namespace panicroom
