#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// One walk over the processes and their lwps: allproc and zombproc, each struct proc's list of
/// lwps (sys/sys/proc.h, sys/sys/lwp.h). It keeps the lwps that it saw: each has one process.
class Processes {
 public:
  explicit Processes(Evidence& evidence);

  /// Calls `visit` with each process, living ones first; false ends the walk. Fails when not even
  /// the head of the list is known.
  Result<void> each(const std::function<bool(std::uint64_t process, bool zombie)>& visit,
                    Notes& notes);
  struct Lwps {
    std::vector<std::uint64_t> addresses;  ///< of struct lwps
    bool whole = true;                     ///< false when the list broke off
  };
  Lwps lwps_of(std::uint64_t process, Notes& notes);

  std::optional<std::int64_t> pid(std::uint64_t process, Notes& notes);
  std::optional<std::string> name(std::uint64_t process, Notes& notes);
  std::optional<std::int64_t> lid(std::uint64_t lwp, Notes& notes);
  /// Kernel threads have names of their own; other lwps have that of their process.
  std::optional<std::string> lwp_name(std::uint64_t lwp, Notes& notes);
  /// The struct proc of a lwp.
  std::optional<std::uint64_t> process_of(std::uint64_t lwp, Notes& notes);

  /// What the processes table always has.
  /// `lwps` receives the process's own.
  Process read_process(std::uint64_t process, bool zombie, std::vector<std::uint64_t>& lwps,
                       Notes& notes);
  /// All but the registers and whether it crashed.
  Thread read_lwp(std::uint64_t lwp, std::uint64_t process, Notes& notes);
  /// False, with a note, where its number cannot be read.
  bool lwp_can_be_read(std::uint64_t lwp, Notes& notes);

  /// It runs in the kernel alone: its memory is the kernel's.
  bool is_kernel_process(std::uint64_t process);
  bool is_idle(std::uint64_t lwp);
  /// Of a struct cpu_info.
  std::optional<std::int64_t> cpu_index(std::uint64_t cpu, Notes& notes);
  /// The struct pcb of a lwp, at the bottom of its kernel stack.
  std::optional<std::uint64_t> pcb(std::uint64_t lwp, Notes& notes);
  /// Seconds in the struct bintime at two members.
  std::optional<double> seconds(const Field& whole, const Field& fraction, std::uint64_t holder,
                                std::string_view what, Notes& notes);

 private:
  bool walk(std::string_view head, std::uint64_t first, std::uint64_t link,
            const std::function<bool(std::uint64_t)>& visit, Notes& notes);
  bool process_can_be_read(std::uint64_t process, Notes& notes);
  std::optional<std::string> process_state(std::uint64_t process,
                                           const std::vector<std::uint64_t>& lwps, Notes& notes);
  std::optional<std::string> lwp_state(std::uint64_t lwp, std::uint64_t process, Notes& notes);
  std::optional<std::string> stopped_or_traced(std::uint64_t process, Notes& notes);
  std::optional<std::int64_t> parent_of(std::uint64_t process, Notes& notes);
  std::optional<std::uint64_t> page_table_root(std::uint64_t process, Notes& notes);
  void read_scheduling(std::uint64_t lwp, Thread& thread, Notes& notes);
  void read_stack(std::uint64_t lwp, Thread& thread, Notes& notes);

  Evidence& evidence_;
  std::uint64_t most_listed_;
  std::set<std::uint64_t> seen_;

  Field list_{"proc", "p_list"}, lwps_{"proc", "p_lwps"}, pid_{"proc", "p_pid"},
      name_{"proc", "p_comm"}, state_{"proc", "p_stat"}, flags_{"proc", "p_flag"},
      trace_flags_{"proc", "p_slflag"}, credentials_{"proc", "p_cred"}, parent_{"proc", "p_pptr"},
      space_{"proc", "p_vmspace"};
  Field user_{"kauth_cred", "cr_euid"}, map_pmap_{"vmspace", "vm_map.pmap"},
      root_{"pmap", {"pm_pdirpa", "pm_l0table_pa", "pm_md.pmd_l0_pa"}};
  Field next_{"lwp", "l_sibling"}, lid_{"lwp", "l_lid"}, lwp_name_{"lwp", "l_name"},
      process_{"lwp", "l_proc"}, cpu_{"lwp", "l_cpu"}, pcb_{"lwp", "l_addr"},
      lwp_state_{"lwp", "l_stat"}, lwp_flags_{"lwp", "l_flag"}, priority_{"lwp", "l_priority"},
      class_{"lwp", "l_class"}, channel_{"lwp", "l_wchan"}, message_{"lwp", "l_wmesg"},
      run_seconds_{"lwp", "l_rtime.sec"}, run_fraction_{"lwp", "l_rtime.frac"},
      user_frame_{"lwp", "l_md.md_utf"};
  Field index_{"cpu_info", "ci_data.cpu_index"}, stack_top_{"pcb", {"pcb_rsp0", "pcb_esp0"}};
};

}  // namespace panicroom::netbsd
