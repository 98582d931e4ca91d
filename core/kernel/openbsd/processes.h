#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// One walk over the processes and threads: allprocess, then zombprocess, each struct process's
/// list of struct procs, which are its threads. It keeps the threads that it saw: each has one
/// process.
class Processes {
 public:
  explicit Processes(Evidence& evidence);

  /// Calls `visit` with each process, living ones first; false ends the walk. Fails when not even
  /// the head of the list is known.
  Result<void> each(const std::function<bool(std::uint64_t process, bool zombie)>& visit,
                    Notes& notes);
  struct ThreadList {
    std::vector<std::uint64_t> addresses;  ///< of struct procs
    bool whole = true;                     ///< false when the list broke off
  };
  ThreadList threads_of(std::uint64_t process, Notes& notes);

  std::optional<std::int64_t> pid(std::uint64_t process, Notes& notes);
  std::optional<std::string> name(std::uint64_t process, Notes& notes);
  /// What the processes table always has. `threads` receives the process's own.
  Process read_process(std::uint64_t process, bool zombie, std::vector<std::uint64_t>& threads,
                       Notes& notes);
  /// All but the processor, the registers and whether it crashed.
  Thread read_thread(std::uint64_t thread, std::uint64_t process, Notes& notes);
  std::optional<std::int64_t> tid(std::uint64_t thread, Notes& notes);
  /// Of a thread without one that of its process.
  std::optional<std::string> thread_name(std::uint64_t thread, Notes& notes);
  /// False, with a note, where its id cannot be read.
  bool thread_can_be_read(std::uint64_t thread, Notes& notes);
  /// It runs in the kernel alone: its memory is the kernel's.
  bool is_kernel_process(std::uint64_t process);
  /// What its pmap keeps as the root of its page tables; nothing, without a note, for a kernel
  /// process. `four_levels` of arm64 is whether it has a level more than the kernel.
  std::optional<std::uint64_t> page_table_root(std::uint64_t process, Notes& notes);
  bool four_levels(std::uint64_t process);

 private:
  Result<void> walk(std::string_view head, const std::function<bool(std::uint64_t process)>& visit,
                    Notes& notes);
  std::optional<std::string> process_state(std::uint64_t process,
                                           const std::vector<std::uint64_t>& threads, Notes& notes);
  std::optional<std::string> thread_state(std::uint64_t thread, std::uint64_t process,
                                          Notes& notes);
  std::optional<std::int64_t> parent_of(std::uint64_t process, Notes& notes);
  void read_scheduling(std::uint64_t thread, Thread& out, Notes& notes);
  void read_stack(std::uint64_t thread, Thread& out, Notes& notes);
  std::optional<double> run_time(std::uint64_t thread, Notes& notes);

  Evidence& evidence_;
  std::uint64_t most_listed_;
  std::set<std::uint64_t> seen_;

  Field list_{"process", "ps_list"}, threads_{"process", "ps_threads"}, pid_{"process", "ps_pid"},
      name_{"process", "ps_comm"}, flags_{"process", "ps_flags"},
      credentials_{"process", "ps_ucred"}, parent_{"process", "ps_pptr"},
      parent_pid_{"process", "ps_ppid"}, space_{"process", "ps_vmspace"};
  Field user_{"ucred", "cr_uid"}, map_{"vmspace", "vm_map.pmap"},
      root_{"pmap", {"pm_pdirpa", "pm_pt0pa"}}, levels_{"pmap", "have_4_level_pt"};
  Field next_{"proc", "p_thr_link"}, tid_{"proc", "p_tid"}, thread_name_{"proc", "p_name"},
      state_{"proc", "p_stat"}, thread_flags_{"proc", "p_flag"}, channel_{"proc", "p_wchan"},
      message_{"proc", "p_wmesg"}, run_priority_{"proc", {"p_runpri", "p_priority"}},
      sleep_priority_{"proc", "p_slppri"}, user_area_{"proc", "p_addr"},
      run_seconds_{"proc", "p_tu.tu_runtime.tv_sec"},
      run_nanoseconds_{"proc", "p_tu.tu_runtime.tv_nsec"}, new_seconds_{"proc", "p_rtime.tv_sec"},
      new_nanoseconds_{"proc", "p_rtime.tv_nsec"};
};

}  // namespace panicroom::openbsd
