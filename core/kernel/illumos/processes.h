#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/illumos/evidence.h"

namespace panicroom::illumos {

/// One walk over the processes and threads: practive's list, each proc_t's ring of kthread_ts, and
/// the ring of all threads, which alone has those of the kernel without an lwp (uts/common/sys/
/// proc.h, thread.h; uts/common/disp/thread.c). It keeps the threads that it saw: each has one
/// process.
class Processes {
 public:
  explicit Processes(Evidence& evidence);

  /// Calls `visit` with each process; false ends the walk. Fails when not even the head of the list
  /// is known.
  Result<void> each(const std::function<bool(std::uint64_t process)>& visit, Notes& notes);
  struct ThreadList {
    std::vector<std::uint64_t> addresses;  ///< of kthread_ts
    bool whole = true;                     ///< false when a ring broke off
  };
  /// Those of its ring, then those that the ring of all threads has beside.
  ThreadList threads_of(std::uint64_t process, Notes& notes);

  std::optional<std::int64_t> pid(std::uint64_t process, Notes& notes);
  std::optional<std::string> name(std::uint64_t process, Notes& notes);
  /// Its id within its process; of one without, which only the kernel has, that within the system.
  std::optional<std::int64_t> tid(std::uint64_t thread, Notes& notes);
  /// Its own name; else the function that a kernel's thread began in, else the process's name.
  std::optional<std::string> thread_name(std::uint64_t thread,
                                         const std::optional<std::string>& process, Notes& notes);
  /// What the processes table always has. `threads` receives the process's own.
  Process read_process(std::uint64_t process, std::vector<std::uint64_t>& threads, Notes& notes);
  /// All but the registers and whether it crashed. `process` is its proc_t, `name` that one's name.
  Thread read_thread(std::uint64_t thread, std::uint64_t process,
                     const std::optional<std::string>& name, Notes& notes);

  /// It runs in the kernel alone: its memory is the kernel's.
  bool is_kernel_process(std::uint64_t process);
  /// "TS", "FX": the name of a thread's scheduling class.
  std::optional<std::string> scheduling_class(std::uint64_t thread, Notes& notes);
  /// Seconds that a thread ran outside (`user`) or in the kernel; nothing, without a note, for one
  /// that keeps no times.
  std::optional<double> run_time(std::uint64_t thread, bool user, Notes& notes);
  /// Seconds of an array of micro-states (hrtime_t ms_acct[]) at `times`.
  std::optional<double> seconds_in(std::uint64_t times, bool user, Notes& notes);
  /// Seconds of so many ticks of the clock.
  std::optional<double> seconds_of_ticks(std::uint64_t ticks, Notes& notes);

 private:
  void own_ring(std::uint64_t process, ThreadList& threads, Notes& notes);
  /// Reads the ring of all threads, once.
  void all_ring(Notes& notes);
  std::optional<std::string> thread_state(std::uint64_t thread, Notes& notes);
  /// What it sleeps on: "mutex", "condition variable". Nothing where it sleeps on none.
  std::optional<std::string> object_kind(std::uint64_t thread, Notes& notes);
  std::optional<std::int64_t> cpu_of(std::uint64_t thread, Notes& notes);
  std::optional<std::string> state_by_threads(const std::vector<std::uint64_t>& threads,
                                              Notes& notes);
  void read_scheduling(std::uint64_t address, Thread& thread, Notes& notes);

  Evidence& evidence_;
  std::uint64_t most_listed_;
  std::set<std::uint64_t> seen_;
  std::optional<std::map<std::uint64_t, std::vector<std::uint64_t>>> of_all_;  ///< by process
  bool all_whole_ = true;
  std::optional<double> unscaled_second_;  ///< seconds of one unit of the micro-states; 0: unknown
  std::optional<std::uint64_t> ticks_per_second_;  ///< 0: not known
  std::map<std::uint64_t, std::optional<std::string>> classes_;

  Field next_{"proc", "p_next"}, id_{"proc", "p_pidp"}, name_{"proc", "p_user.u_comm"},
      state_{"proc", "p_stat"}, parent_{"proc", "p_ppid"}, credentials_{"proc", "p_cred"},
      flags_{"proc", "p_flag"}, threads_{"proc", "p_tlist"}, space_{"proc", "p_as"};
  Field id_number_{"pid", "pid_id"}, user_{"cred", "cr_uid"}, hat_{"as", "a_hat"},
      table_{"hat", "hat_htable"}, frame_{"htable", "ht_pfn"};
  Field forward_{"_kthread", "t_forw"}, next_of_all_{"_kthread", "t_next"},
      owner_{"_kthread", "t_procp"}, tid_{"_kthread", "t_tid"}, did_{"_kthread", "t_did"},
      thread_name_{"_kthread", "t_name"}, start_{"_kthread", "t_startpc"},
      thread_state_{"_kthread", "t_state"}, thread_flags_{"_kthread", "t_flag"},
      lwp_{"_kthread", "t_lwp"}, cpu_{"_kthread", "t_cpu"}, priority_{"_kthread", "t_pri"},
      class_{"_kthread", "t_cid"}, objects_{"_kthread", "t_sobj_ops"},
      channel_{"_kthread", {"t_lwpchan.lc_wchan", "t_wchan"}}, stack_{"_kthread", "t_stk"},
      stack_base_{"_kthread", "t_stkbase"};
  Field object_type_{"_sobj_ops", "sobj_type"}, cpu_number_{"cpu", "cpu_id"},
      class_name_{"sclass", "cl_name"}, times_{"_klwp", "lwp_mstate.ms_acct"};
};

}  // namespace panicroom::illumos
