#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/openbsd/processes.h"
#include "core/kernel/openbsd/vnodes.h"
#include "core/kernel/process_strings.h"

namespace panicroom::openbsd {

/// Reads what a process is asked for beside its name and ids. What does not apply (a kernel process
/// has no memory of its own) stays empty without a note.
class ProcessDetailsReader {
 public:
  ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes);

  /// `threads`: addresses of its struct procs; needed for `times` alone. `memory` opens the
  /// process's own address space.
  void read(const ProcessQuery& query, const std::vector<std::uint64_t>& threads,
            const ProcessStrings::OpenMemory& memory, Process& process, Notes& notes);

 private:
  void read_identity(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_credentials(std::uint64_t process, ProcessDetails& details, Notes& notes);
  std::optional<std::string> terminal(std::uint64_t session, Notes& notes);
  std::optional<double> start(std::uint64_t process, Notes& notes);
  void read_times(std::uint64_t process, const std::vector<std::uint64_t>& threads,
                  ProcessDetails& details, Notes& notes);
  void read_sizes(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_paths(std::uint64_t process, ProcessDetails& details, Notes& notes);
  std::optional<ProcessStrings::Place> strings_place(std::uint64_t process, Notes& notes);

  Evidence& evidence_;
  Processes& processes_;
  Vnodes& vnodes_;
  ProcessStrings strings_;
  Field flags_{"process", "ps_flags"}, group_{"process", "ps_pgrp"},
      credentials_{"process", "ps_ucred"}, nice_{"process", "ps_nice"},
      start_seconds_{"process", "ps_start.tv_sec"},
      start_nanoseconds_{"process", "ps_start.tv_nsec"}, space_{"process", "ps_vmspace"},
      text_{"process", "ps_textvp"}, files_{"process", "ps_fd"},
      strings_address_{"process", "ps_strings"}, user_ticks_{"process", "ps_tu.tu_uticks"},
      system_ticks_{"process", "ps_tu.tu_sticks"};
  Field new_user_{"proc", {"p_uticks", "p_tu.tu_uticks"}},
      new_system_{"proc", {"p_sticks", "p_tu.tu_sticks"}};
  Field group_id_{"pgrp", "pg_id"}, session_{"pgrp", "pg_session"}, leader_{"session", "s_leader"},
      leader_pid_{"process", "ps_pid"}, terminal_vnode_{"session", "s_ttyvp"},
      terminal_{"session", "s_ttyp"}, terminal_device_{"tty", "t_dev"};
  Field real_uid_{"ucred", "cr_ruid"}, gid_{"ucred", "cr_gid"}, real_gid_{"ucred", "cr_rgid"};
  Field size_{"vmspace", "vm_map.size"}, map_{"vmspace", "vm_map.pmap"},
      resident_{"pmap", "pm_stats.resident_count"};
  Field directory_{"filedesc", "fd_cdir"}, root_{"filedesc", "fd_rdir"};
};

}  // namespace panicroom::openbsd
