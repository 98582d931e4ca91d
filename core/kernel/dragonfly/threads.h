#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/dragonfly/processors.h"
#include "core/kernel/field.h"

namespace panicroom::dragonfly {

/// Reads threads: those of processes by their struct lwp, and the kernel's own, which belong to a
/// processor alone (LWKT). The latter have no id.
class Threads {
 public:
  Threads(Evidence& evidence, Notes& notes);

  /// All but its process's pid and name; registers too.
  Thread of_lwp(std::uint64_t lwp, Notes& notes);
  /// Visits those of the processors' lists that belong to no process. False when `visit` was.
  bool each_of_kernel(const std::function<bool(const Thread&)>& visit, Notes& notes);
  std::optional<std::string> state_of_lwp(std::uint64_t lwp, Notes& notes);

  /// The struct thread that the kernel died on; nothing where that is not known, 0 where none did.
  std::optional<std::uint64_t> crashed() const { return crashed_; }
  /// Of the thread that a processor was running.
  std::optional<Registers> registers_of(const Cpu& cpu, bool died, Notes& notes);

 private:
  Thread read(std::uint64_t thread, Notes& notes);
  const Cpu* cpu_of(std::uint64_t thread, Notes& notes) const;
  bool runs(std::uint64_t thread, const Cpu* cpu) const;
  std::optional<std::string> state(std::uint64_t thread, Notes& notes);
  std::optional<Registers> registers(std::uint64_t thread, const Cpu* cpu, Notes& notes);
  void read_stack(std::uint64_t thread, Thread& out, Notes& notes);

  Evidence& evidence_;
  std::vector<Cpu> cpus_;
  std::optional<std::uint64_t> crashed_;

  Field tid_{"lwp", "lwp_tid"}, lwp_state_{"lwp", "lwp_stat"}, lwp_flags_{"lwp", "lwp_flags"},
      lwp_more_flags_{"lwp", "lwp_mpflags"}, class_{"lwp", "lwp_rtprio.type"},
      thread_{"lwp", "lwp_thread"};
  Field name_{"thread", "td_comm"}, lwp_{"thread", "td_lwp"}, listed_{"thread", "td_allq"},
      flags_{"thread", "td_flags"}, globaldata_{"thread", "td_gd"}, priority_{"thread", "td_pri"},
      message_{"thread", "td_wmesg"}, channel_{"thread", "td_wchan"}, sp_{"thread", "td_sp"},
      pcb_{"thread", "td_pcb"}, stack_{"thread", "td_kstack"},
      stack_size_{"thread", "td_kstack_size"}, user_time_{"thread", "td_uticks"},
      system_time_{"thread", "td_sticks"}, interrupt_time_{"thread", "td_iticks"};
  Field all_threads_{"globaldata", "gd_tdallq"};
};

}  // namespace panicroom::dragonfly
