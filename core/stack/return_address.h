#pragma once

#include <cstdint>
#include <functional>

#include "core/base/machine.h"

namespace panicroom {

/// A return address as the call left it. AArch64 kernels may sign return addresses: the bits
/// between the address and bit 55, which are all ones in the kernel's half, then hold a code (Arm
/// ARM, pointer authentication). How many bits the address has is not known here, so `is_text`
/// decides.
inline std::uint64_t without_signature(std::uint64_t address, Architecture architecture,
                                       const std::function<bool(std::uint64_t)>& is_text) {
  if (architecture != Architecture::aarch64 || is_text(address)) return address;
  for (const unsigned bits : {52U, 48U, 47U, 42U, 39U, 36U}) {
    const std::uint64_t plain = address | (~std::uint64_t{0} << bits);
    if (is_text(plain)) return plain;
  }
  return address;
}

}  // namespace panicroom
