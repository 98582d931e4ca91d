#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/registers.h"
#include "core/kernel/field.h"
#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// A processor: its struct cpu_info.
struct Cpu {
  std::uint64_t number = 0, address = 0;
  std::uint64_t current = 0;  ///< struct proc of the thread that it ran; 0: none or not known
};

/// The processors, and on which of their threads the kernel died.
class Cpus {
 public:
  /// The list that cpu_info_list begins. Errors: `no_symbol`, `no_type`, those of a read.
  static Result<Cpus> read(Evidence& evidence, Notes& notes);

  const std::vector<Cpu>& all() const { return cpus_; }
  /// The one that was running a thread; null where none was.
  const Cpu* running(std::uint64_t thread) const;
  /// The one whose struct cpu_info lies there; null where none does.
  const Cpu* at(std::uint64_t address) const;
  /// The one on which the kernel died: whose own buffer has the panic's text, that the debugger has
  /// stopped at, on whose stack the dump was written, or the only one of a kernel that panicked.
  /// Null where none of these tells.
  const Cpu* crashed(Evidence& evidence) const;

 private:
  std::vector<Cpu> cpus_;
};

/// What the processors were doing.
Result<void> read_cpus(Evidence& evidence, const Visitor<Processor>& visit, Notes& notes);

}  // namespace panicroom::openbsd
