#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/kernel/linux/field.h"
#include "core/kernel/linux/paths.h"

namespace panicroom::linux_kernel {

/// Reads what a process is asked for beside its name and ids. What does not apply (a kernel thread
/// has no memory of its own) stays empty without a note.
class ProcessDetailsReader {
 public:
  ProcessDetailsReader(Evidence& evidence, Paths& paths);

  /// `threads`: addresses of the tasks, the leader first; needed for `times` alone. `memory` opens
  /// the process's own address space.
  void read(const ProcessQuery& query, const std::vector<std::uint64_t>& threads,
            const std::function<Result<std::unique_ptr<AddressSpace>>()>& memory, Process& process,
            Notes& notes);

 private:
  void read_identity(std::uint64_t task, ProcessDetails& details, Notes& notes);
  void read_namespaces(std::uint64_t task, ProcessDetails& details, Notes& notes);
  void read_times(const std::vector<std::uint64_t>& threads, ProcessDetails& details, Notes& notes);
  void read_sizes(std::uint64_t mm, ProcessDetails& details, Notes& notes);
  void read_paths(std::uint64_t task, std::uint64_t mm, ProcessDetails& details, Notes& notes);
  void read_words(const ProcessQuery& query, std::uint64_t mm, AddressSpace& memory,
                  Process& process, Notes& notes);
  std::optional<std::int64_t> id_of(std::uint64_t signal, std::string_view kind, Notes& notes);
  std::optional<std::int64_t> counted(std::uint64_t mm, std::string_view what);

  Evidence& evidence_;
  Paths& paths_;
  std::uint64_t bytes_left_;  // of arguments and environments that may still be read

  Field signal_{"task_struct", "signal"}, mm_{"task_struct", "mm"}, fs_{"task_struct", "fs"},
      flags_{"task_struct", "flags"}, static_priority_{"task_struct", "static_prio"},
      start_{"task_struct", {"start_boottime", "real_start_time"}},
      credentials_{"task_struct", "real_cred"}, namespaces_{"task_struct", "nsproxy"},
      own_pid_{"task_struct", {"thread_pid", "pids[0].pid"}}, user_time_{"task_struct", "utime"},
      system_time_{"task_struct", "stime"}, run_time_{"task_struct", "se.sum_exec_runtime"};
  Field uid_{"cred", {"uid.val", "uid"}}, gid_{"cred", {"gid.val", "gid"}},
      effective_gid_{"cred", {"egid.val", "egid"}};
  Field pids_{"signal_struct", "pids"}, terminal_{"signal_struct", "tty"},
      old_user_time_{"signal_struct", "utime"}, old_system_time_{"signal_struct", "stime"},
      old_run_time_{"signal_struct", "sum_sched_runtime"};
  Field number_{"upid", "nr"}, numbers_{"pid", "numbers"}, level_{"pid", "level"},
      number_namespace_{"upid", "ns"};
  Field terminal_name_{"tty_struct", "name"};
  Field pid_inode_{"pid_namespace", "ns.inum"}, mount_inode_{"mnt_namespace", "ns.inum"},
      network_inode_{"net", "ns.inum"};
  Field mount_namespace_{"nsproxy", "mnt_ns"}, network_namespace_{"nsproxy", "net_ns"};
  Field pages_{"mm_struct", "total_vm"}, executable_{"mm_struct", "exe_file"},
      arguments_start_{"mm_struct", "arg_start"}, arguments_end_{"mm_struct", "arg_end"},
      environment_start_{"mm_struct", "env_start"}, environment_end_{"mm_struct", "env_end"};
  Field counts_{"mm_struct", "rss_stat.count"}, spread_counts_{"mm_struct", "rss_stat"};
  Field spread_sum_{"percpu_counter", "count"};
  Field file_path_{"file", "f_path"};
  Field directory_{"fs_struct", "pwd"}, root_{"fs_struct", "root"};
};

}  // namespace panicroom::linux_kernel
