#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/registers.h"
#include "core/kernel/kernel.h"
#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/modules.h"
#include "core/stack/unwind.h"

namespace panicroom::linux_kernel {

/// Kernel registers and stacks of threads.
class Stacks {
 public:
  /// `modules` outlives this; it is asked when the first stack is unwound.
  Stacks(Evidence& evidence, std::function<const Modules&()> modules);

  /// Where a thread's kernel stack continues: its processor's registers while it was running, else
  /// what the switch away from it saved. Empty, with a note, while it ran in user mode and where
  /// the registers are not known.
  Registers registers_of(std::uint64_t task, const std::optional<Running>& running, Notes& notes);
  Unwound unwind(const Thread& thread);
  /// The struct pt_regs that the entry of a trap or interrupt made (x86).
  Registers saved_at(std::uint64_t address, Notes& notes);

 private:
  Registers switched_out(std::uint64_t task, Notes& notes);
  bool is_text(std::uint64_t address);
  void prepare();
  Unwound by_best_evidence(const Thread& thread, const std::function<bool(std::uint64_t)>& text);
  std::optional<OrcTables> orc_of(std::uint64_t pc);

  Evidence& evidence_;
  bool prepared_ = false;
  std::function<const Modules&()> modules_;
  std::optional<OrcTables> orc_;
  std::vector<AddressRange> text_;
};

}  // namespace panicroom::linux_kernel
