#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/processes.h"
#include "core/kernel/freebsd/vnodes.h"
#include "core/kernel/process_strings.h"

namespace panicroom::freebsd {

/// Reads what a process is asked for beside its name and ids. What does not apply (a kernel process
/// has no memory of its own) stays empty without a note.
class ProcessDetailsReader {
 public:
  ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes);

  /// `threads`: addresses of its struct threads; needed for `times` alone. `memory` opens the
  /// process's own address space.
  void read(const ProcessQuery& query, const std::vector<std::uint64_t>& threads,
            const ProcessStrings::OpenMemory& memory, Process& process, Notes& notes);

 private:
  void read_identity(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_credentials(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_times(std::uint64_t process, const std::vector<std::uint64_t>& threads,
                  ProcessDetails& details, Notes& notes);
  void read_sizes(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_paths(std::uint64_t process, ProcessDetails& details, Notes& notes);
  std::optional<std::string> executable(std::uint64_t process, Notes& notes);
  std::optional<std::string> terminal(std::uint64_t session, Notes& notes);
  std::optional<ProcessStrings::Place> strings_place(std::uint64_t process, Notes& notes);
  /// The user address of struct ps_strings; 0 where there is none.
  Result<std::uint64_t> strings_of(std::uint64_t process);
  /// Bytes of the process's own pointers.
  unsigned word_of(std::uint64_t process);

  Evidence& evidence_;
  Processes& processes_;
  Vnodes& vnodes_;
  ProcessStrings strings_;

  Field group_{"proc", "p_pgrp"}, flags_{"proc", "p_flag"}, nice_{"proc", "p_nice"},
      statistics_{"proc", "p_stats"}, credentials_{"proc", "p_ucred"}, space_{"proc", "p_vmspace"},
      files_{"proc", "p_fd"}, places_{"proc", "p_pd"}, text_{"proc", "p_textvp"},
      text_directory_{"proc", "p_textdvp"}, binary_{"proc", "p_binname"},
      arguments_{"proc", "p_args"}, system_{"proc", "p_sysent"};
  Field run_time_{"proc", "p_rux.rux_runtime"}, user_ticks_{"proc", "p_rux.rux_uticks"},
      system_ticks_{"proc", "p_rux.rux_sticks"}, interrupt_ticks_{"proc", "p_rux.rux_iticks"};
  Field thread_run_time_{"thread", "td_incruntime"}, thread_user_{"thread", "td_uticks"},
      thread_system_{"thread", "td_sticks"}, thread_interrupt_{"thread", "td_iticks"};
  Field group_id_{"pgrp", "pg_id"}, session_{"pgrp", "pg_session"}, session_id_{"session", "s_sid"},
      terminal_{"session", "s_ttyp"}, terminal_device_{"tty", "t_dev"};
  Field real_uid_{"ucred", "cr_ruid"}, gid_{"ucred", "cr_gid"}, groups_{"ucred", "cr_groups"},
      real_gid_{"ucred", "cr_rgid"}, prison_{"ucred", "cr_prison"}, prison_id_{"prison", "pr_id"};
  Field start_seconds_{"pstats", "p_start.tv_sec"}, start_fraction_{"pstats", "p_start.tv_usec"};
  Field size_{"vmspace", "vm_map.size"}, resident_{"vmspace", "vm_pmap.pm_stats.resident_count"},
      stack_top_{"vmspace", "vm_stacktop"};
  Field old_directory_{"filedesc", "fd_cdir"}, old_root_{"filedesc", "fd_rdir"},
      shared_pwd_{"filedesc", "fd_pwd"}, pwd_{"pwddesc", "pd_pwd"}, directory_{"pwd", "pwd_cdir"},
      root_{"pwd", "pwd_rdir"};
  Field strings_address_{"sysentvec", "sv_psstrings"}, strings_size_{"sysentvec", "sv_psstringssz"},
      system_flags_{"sysentvec", "sv_flags"};
};

}  // namespace panicroom::freebsd
