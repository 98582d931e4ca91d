#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/dump/dump.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// A possible processor: its run queue and the registers that the dump has for it.
struct Cpu {
  std::uint32_t number = 0;
  std::uint64_t per_cpu_offset = 0;      ///< added to a per-CPU symbol's address
  std::optional<std::uint64_t> current;  ///< task_struct that it was running
  std::optional<std::uint64_t> idle;     ///< its idle task
  const CpuState* state = nullptr;       ///< owned by the dump; null when it has none
};

/// The possible processors by ascending number. Errors when not even their number is known.
Result<std::vector<Cpu>> read_cpus(Evidence& evidence, Notes& notes);

/// The processor on which the kernel died. Nothing within the Result: the kernel says that it did
/// not die. Errors: the variables that tell are not known.
Result<std::optional<std::uint32_t>> crashed_cpu(Evidence& evidence);

/// How many processors took part when the kernel died (those that panic() stopped count).
std::optional<std::uint32_t> count_online(Evidence& evidence);

}  // namespace panicroom::linux_kernel
