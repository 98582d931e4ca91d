#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/machine.h"
#include "core/base/registers.h"

namespace panicroom {

/// DWARF's numbers for the registers that call-frame information of a kernel tells of; rules for
/// higher ones (floating point) are not kept.
inline constexpr std::size_t kCfiRegisters = 35;

/// What is known of a frame's registers, by DWARF number.
using CfiRegisters = std::array<std::optional<std::uint64_t>, kCfiRegisters>;

/// How an architecture numbers its registers, and which of them a function must give back as they
/// were. Sources: System V ABI for x86-64 (figure 3.36) and for i386 (table 2.14), "DWARF for the
/// Arm 64-bit Architecture" (4.1), the procedure call standards.
struct CfiConvention {
  unsigned sp = 0, fp = 0;
  unsigned pc = 0;  ///< x86: the return address's column; AArch64: the link register
  bool has_link_register = false;
  std::uint64_t kept = 0;  ///< bit N: register N is the caller's own where nothing is said of it
};

/// Nothing for an architecture whose frames cannot be unwound by call-frame information.
std::optional<CfiConvention> cfi_convention(Architecture architecture);
/// Those of `registers` that have numbers: pc is none of them.
CfiRegisters cfi_registers(const Registers& registers, Architecture architecture);

}  // namespace panicroom
