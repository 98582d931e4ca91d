#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
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

/// Where a task was running.
struct Running {
  std::optional<std::uint32_t> cpu;  ///< number; nothing where only that it ran is known
  const CpuState* state = nullptr;   ///< that processor's registers; null when the dump has none
};

/// The registers that a dump's notes hold, by what tells whose they are.
class CpuStates {
 public:
  explicit CpuStates(const std::vector<CpuState>& states);

  /// By the per-CPU base that a processor keeps in a register (x86_64's GS), or null.
  const CpuState* by_base(std::uint64_t per_cpu_offset) const;
  /// By the process that the notes name; null when none or several do. Notes of a crash kernel
  /// leave out processors that never answered.
  const CpuState* by_pid(std::int64_t pid) const;
  /// By the order of the notes, which is that of the processors when each has one.
  const CpuState* by_number(std::uint64_t number) const;
  std::size_t size() const { return states_.size(); }

 private:
  const std::vector<CpuState>& states_;
  std::map<std::uint64_t, const CpuState*> by_base_;
  std::map<std::int64_t, const CpuState*> by_pid_;  // null: several
};

/// The possible processors by ascending number and what each was running.
class Cpus {
 public:
  Cpus() = default;
  explicit Cpus(std::vector<Cpu> cpus);

  std::span<const Cpu> all() const { return cpus_; }
  /// The processor that was running the task, or null.
  const Cpu* running(std::uint64_t task) const;

 private:
  std::vector<Cpu> cpus_;
  std::map<std::uint64_t, std::size_t> by_task_;
};

/// The numbers of the possible processors, ascending. Errors: not even how many there may be is
/// known.
Result<std::vector<std::uint64_t>> possible_cpus(Evidence& evidence);

/// What is added to a per-CPU symbol's address for a processor; 0 in a kernel for one processor.
/// Errors: those of a read.
Result<std::uint64_t> per_cpu_offset(Evidence& evidence, std::uint64_t number);

/// Errors when not even their number is known, or where their run queues are.
Result<Cpus> read_cpus(Evidence& evidence, Notes& notes);

/// The processor on which the kernel died. Nothing within the Result: the kernel says that it did
/// not die. Errors: the variables that tell are not known.
Result<std::optional<std::uint32_t>> crashed_cpu(Evidence& evidence);

/// By number, which processors took part when the kernel died (those that panic() stopped count).
/// Errors: the masks that tell are not known.
Result<std::vector<bool>> online_cpus(Evidence& evidence);

}  // namespace panicroom::linux_kernel
