#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/kernel/dragonfly/evidence.h"

namespace panicroom::dragonfly {

/// A processor: its struct globaldata, which begins its struct privatespace.
struct Cpu {
  std::uint64_t number = 0;
  std::uint64_t globaldata = 0;
  std::optional<std::uint64_t> current;  ///< the struct thread that it was running
  std::uint64_t idle_thread = 0;         ///< 0 where unknown
};

/// The processors that CPU_prvspace names. Errors: `no_symbol`, those of a read.
Result<std::vector<Cpu>> processors(Evidence& evidence, Notes& notes);

/// Visits the processors. `crashed`: the thread that the kernel died on; `registers`: of the thread
/// that a processor was running.
Result<void> read_cpus(
    Evidence& evidence, std::optional<std::uint64_t> crashed,
    const std::function<std::optional<Registers>(const Cpu& cpu, bool died)>& registers,
    const Visitor<Processor>& visit, Notes& notes);

}  // namespace panicroom::dragonfly
