#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/illumos/evidence.h"

namespace panicroom::illumos {

/// What brought the system down, as far as it is known.
struct Crash {
  bool panicked = false;                ///< panicsys() has stopped the system
  std::optional<std::uint64_t> thread;  ///< the kthread_t that was first to panic
  std::optional<std::int64_t> cpu;      ///< the number of its processor
  Registers registers;                  ///< of the trap or of panic()'s caller
  std::optional<std::string> text;
};
Crash read_crash(Evidence& evidence);

KernelIdentity read_identity(Evidence& evidence, const Crash& crash, Notes& notes);

}  // namespace panicroom::illumos
