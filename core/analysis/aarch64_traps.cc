#include "core/analysis/aarch64_traps.h"

#include <array>

namespace panicroom {

std::optional<std::string_view> access_of_syndrome(std::uint64_t syndrome) {
  // EC, and the bits of ISS of a data abort: Arm Architecture Reference Manual, D24.2 "ESR_EL1".
  constexpr std::uint64_t instruction_abort = 0x20, data_abort = 0x24, of_same_level = 1;
  constexpr std::uint64_t writes = 1U << 6, maintains_cache = 1U << 8;
  const std::uint64_t abort = (syndrome >> 26 & 0x3f) & ~of_same_level;
  if (abort == instruction_abort) return "execute";
  if (abort != data_abort || (syndrome & maintains_cache) != 0) return std::nullopt;
  return (syndrome & writes) != 0 ? "write" : "read";
}

std::optional<std::string_view> meaning_of_break(std::string_view system, std::uint16_t immediate) {
  struct Meaning {
    std::uint16_t first, last;
    std::string_view system, text;  ///< of every system when that is empty
  };
  constexpr std::array<Meaning, 12> meanings = {{
      {0x4, 0x4, "Linux", "a probe"},
      {0x6, 0x7, "Linux", "a probe"},
      {0x100, 0x100, "Linux", "code that must not be reached"},
      {0x400, 0x401, "Linux", "a breakpoint of the kernel's debugger"},
      {0x800, 0x800, "Linux", "BUG() or WARN()"},
      {0x900, 0x9ff, "Linux", "KASAN: a bad access to memory"},
      {0x5500, 0x55ff, "Linux", "UBSAN: undefined behaviour"},
      {0x8000, 0x83ff, "Linux", "CFI: a call of a function of another type"},
      {0x0, 0x0, "FreeBSD", "a breakpoint of the kernel's debugger"},
      {0x40d, 0x40d, "FreeBSD", "a probe of DTrace"},
      {0x1, 0x1, "", "__builtin_trap()"},
      {0x3e8, 0x3e8, "", "__builtin_trap()"},
  }};
  for (const Meaning& meaning : meanings)
    if (immediate >= meaning.first && immediate <= meaning.last &&
        (meaning.system.empty() || meaning.system == system))
      return meaning.text;
  return std::nullopt;
}

}  // namespace panicroom
