#pragma once

#include <cstdint>
#include <optional>

#include "core/kernel/netbsd/processes.h"

namespace panicroom::netbsd {

/// The lwp on which the kernel died.
struct CrashedLwp {
  std::optional<std::uint64_t> address;  ///< of struct lwp
  std::optional<std::int64_t> lid;
  /// dumppcb, in which it saved its registers; nothing where it did not (aarch64, a memory image).
  std::optional<std::uint64_t> pcb;
};

/// That on whose stack dumppcb lies; else the one that the panicking processor (paniccpu) ran.
CrashedLwp find_crashed_lwp(Evidence& evidence, Notes& notes);

}  // namespace panicroom::netbsd
