#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"

namespace panicroom::freebsd {

/// One walk over the processes and threads: allproc (and zombproc, until FreeBSD 13), each struct
/// proc's list of struct threads. It keeps the threads that it saw: each has one process.
class Processes {
 public:
  explicit Processes(Evidence& evidence);

  /// Calls `visit` with each process, living ones first; false ends the walk. Fails when not even
  /// the head of the list is known.
  Result<void> each(const std::function<bool(std::uint64_t process, bool zombie)>& visit,
                    Notes& notes);
  struct ThreadList {
    std::vector<std::uint64_t> addresses;  ///< of struct threads
    bool whole = true;                     ///< false when the list broke off
  };
  ThreadList threads_of(std::uint64_t process, Notes& notes);

  std::optional<std::int64_t> pid(std::uint64_t process, Notes& notes);
  std::optional<std::string> name(std::uint64_t process, Notes& notes);
  std::optional<std::int64_t> tid(std::uint64_t thread, Notes& notes);
  std::optional<std::string> thread_name(std::uint64_t thread, Notes& notes);
  /// What the processes table always has. `threads` receives the process's own.
  Process read_process(std::uint64_t process, bool zombie, std::vector<std::uint64_t>& threads,
                       Notes& notes);
  /// All but the registers and whether it crashed. `process` is its struct proc.
  Thread read_thread(std::uint64_t thread, std::uint64_t process, Notes& notes);
  /// False, with a note, where neither id nor name can be read.
  bool thread_can_be_read(std::uint64_t thread, Notes& notes);

  /// It runs in the kernel alone: its memory is the kernel's.
  bool is_kernel_process(std::uint64_t process);
  /// Bytes of a struct pcb. Error: `no_type`.
  const Result<std::uint64_t>& pcb_size() const { return pcb_size_; }
  std::optional<std::uint64_t> pcb(std::uint64_t thread, Notes& notes);
  /// Seconds of so many ticks of the processor's counter.
  std::optional<double> seconds(std::uint64_t cpu_ticks, Notes& notes);

 private:
  Result<void> walk(std::string_view head, const std::function<bool(std::uint64_t process)>& visit,
                    Notes& notes);
  bool process_can_be_read(std::uint64_t process, Notes& notes);
  std::optional<std::uint64_t> cpu_of(std::uint64_t thread, Notes& notes);
  std::optional<std::string> thread_state(std::uint64_t thread, std::uint64_t process,
                                          Notes& notes);
  void read_scheduling(std::uint64_t thread, Thread& out, Notes& notes);
  std::optional<std::int64_t> parent_of(std::uint64_t process, Notes& notes);
  std::optional<std::uint64_t> page_table_root(std::uint64_t process, Notes& notes);
  std::optional<std::string> text_at(const Field& pointer, std::uint64_t holder,
                                     std::string_view what, Notes& notes);

  Evidence& evidence_;
  std::uint64_t most_listed_;
  Result<std::uint64_t> pcb_size_;
  std::optional<std::uint64_t> tick_rate_;
  std::set<std::uint64_t> seen_;

  Field list_{"proc", "p_list"}, threads_{"proc", "p_threads"}, pid_{"proc", "p_pid"},
      name_{"proc", "p_comm"}, state_{"proc", "p_state"}, flags_{"proc", "p_flag"},
      credentials_{"proc", "p_ucred"}, parent_{"proc", "p_pptr"}, real_parent_{"proc", "p_oppid"},
      space_{"proc", "p_vmspace"};
  Field user_{"ucred", "cr_uid"}, root_{"vmspace", "vm_pmap.pm_cr3"};
  Field next_{"thread", "td_plist"}, tid_{"thread", "td_tid"}, thread_name_{"thread", "td_name"},
      on_cpu_{"thread", "td_oncpu"}, last_cpu_{"thread", "td_lastcpu"}, pcb_{"thread", "td_pcb"},
      thread_state_{"thread", "td_state"}, inhibitors_{"thread", "td_inhibitors"},
      thread_flags_{"thread", "td_flags"}, priority_{"thread", "td_priority"},
      class_{"thread", "td_pri_class"}, channel_{"thread", "td_wchan"},
      message_{"thread", "td_wmesg"}, lock_name_{"thread", "td_lockname"},
      stack_{"thread", "td_kstack"}, stack_pages_{"thread", "td_kstack_pages"},
      run_time_{"thread", "td_runtime"};
};

}  // namespace panicroom::freebsd
