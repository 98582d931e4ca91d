#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace panicroom {

enum class Architecture : std::uint8_t { unknown, i386, x86_64, arm, aarch64, riscv64, powerpc64 };

/// "x86_64", "aarch64", ...: the names that uname -m and ELF tools use.
std::string_view name(Architecture architecture);
/// The architecture of an ELF e_machine value, or `unknown`.
Architecture architecture_of_elf_machine(std::uint16_t e_machine);
/// Bytes of a pointer on that architecture; `otherwise` where it is not known. A container's own
/// width says less: QEMU puts a 32-bit machine's memory into a 64-bit file when it ends above 4
/// GiB.
std::uint8_t pointer_size_of(Architecture architecture, std::uint8_t otherwise);

/// What a reader must know of the machine that died to read its memory.
struct Machine {
  Architecture architecture = Architecture::unknown;
  std::uint8_t pointer_size = 8;  ///< bytes, 4 or 8
  std::endian order = std::endian::little;
  std::uint32_t page_size = 4096;  ///< bytes, a power of two from 4 KiB to 64 KiB
};

}  // namespace panicroom
