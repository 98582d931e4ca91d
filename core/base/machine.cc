#include "core/base/machine.h"

namespace panicroom {

std::string_view name(Architecture architecture) {
  switch (architecture) {
    case Architecture::unknown:
      return "unknown";
    case Architecture::i386:
      return "i386";
    case Architecture::x86_64:
      return "x86_64";
    case Architecture::arm:
      return "arm";
    case Architecture::aarch64:
      return "aarch64";
    case Architecture::riscv64:
      return "riscv64";
    case Architecture::powerpc64:
      return "powerpc64";
  }
  return "unknown";
}

// Source: the generic ELF specification's e_machine registry.
Architecture architecture_of_elf_machine(std::uint16_t e_machine) {
  switch (e_machine) {
    case 3:
      return Architecture::i386;
    case 21:
      return Architecture::powerpc64;
    case 40:
      return Architecture::arm;
    case 62:
      return Architecture::x86_64;
    case 183:
      return Architecture::aarch64;
    case 243:
      return Architecture::riscv64;
    default:
      return Architecture::unknown;
  }
}

std::uint8_t pointer_size_of(Architecture architecture, std::uint8_t otherwise) {
  switch (architecture) {
    case Architecture::i386:
    case Architecture::arm:
      return 4;
    case Architecture::x86_64:
    case Architecture::aarch64:
    case Architecture::riscv64:
    case Architecture::powerpc64:
      return 8;
    case Architecture::unknown:
      break;
  }
  return otherwise;
}

}  // namespace panicroom
