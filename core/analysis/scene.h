#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/analysis/call_path.h"
#include "core/analysis/instruction.h"
#include "core/analysis/last_words.h"
#include "core/kernel/kernel.h"

namespace panicroom {

/// How far a statement can be relied on.
enum class Confidence : std::uint8_t {
  certain,   ///< read from the dump as it stands
  likely,    ///< the usual meaning of what was read
  possible,  ///< one explanation of several
};

/// What is known of a death, before it is put into words.
struct Scene {
  KernelIdentity identity;
  std::vector<LogLine> log;
  bool log_read = false;  ///< to its end
  std::vector<Thread> threads;
  std::vector<Lock> locks;
  std::vector<std::vector<std::int64_t>> cycles;  ///< of threads that wait for each other
  std::vector<std::string> missing;               ///< what could not be read, and why

  Death death = Death::unknown;
  Confidence confidence = Confidence::certain;
  LastWords words;
  std::optional<std::size_t> crashed;  ///< index of the thread on which the kernel died
  std::optional<std::size_t> subject;  ///< of the one that the death is about
  std::vector<Call> calls;             ///< the subject's
  Culprit culprit;
  Registers at_fault;  ///< of the code that was stopped
  std::optional<Instruction> instruction;
  std::optional<std::uint64_t> fault_address;
  std::optional<std::string> access;

  /// Indices, of the first each: made by `index` once the threads and locks are known.
  std::map<std::int64_t, std::size_t> thread_by_tid, lock_by_waiter;

  void index();
  const Thread* thread_of(std::optional<std::int64_t> tid) const;
  const Lock* lock_waited_for(const Thread& thread) const;
  const Call* blamed() const {
    return culprit.function < calls.size() ? &calls[culprit.function] : nullptr;
  }
};

/// Never fails: what cannot be read is in `missing`.
Scene read_scene(Kernel& kernel, Notes& notes);

}  // namespace panicroom
