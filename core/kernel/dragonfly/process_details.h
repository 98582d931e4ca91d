#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/dragonfly/namecache.h"
#include "core/kernel/dragonfly/processes.h"
#include "core/kernel/process_strings.h"

namespace panicroom::dragonfly {

/// Reads what a process is asked for beside its name and ids. What does not apply (a kernel process
/// has no memory of its own) stays empty without a note.
class ProcessDetailsReader {
 public:
  ProcessDetailsReader(Evidence& evidence, Processes& processes, NameCache& names);

  /// `lwps`: addresses of its struct lwps; needed for `times` alone. `memory` opens the process's
  /// own address space.
  void read(const ProcessQuery& query, const std::vector<std::uint64_t>& lwps,
            const ProcessStrings::OpenMemory& memory, Process& process, Notes& notes);

 private:
  void read_identity(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_credentials(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_start(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_times(std::uint64_t process, const std::vector<std::uint64_t>& lwps,
                  ProcessDetails& details, Notes& notes);
  void read_sizes(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_paths(std::uint64_t process, ProcessDetails& details, Notes& notes);
  std::optional<std::string> terminal(std::uint64_t session, Notes& notes);

  Evidence& evidence_;
  Processes& processes_;
  NameCache& names_;
  ProcessStrings strings_;

  Field group_{"proc", "p_pgrp"}, flags_{"proc", "p_flags"}, nice_{"proc", "p_nice"},
      credentials_{"proc", "p_ucred"}, space_{"proc", "p_vmspace"}, files_{"proc", "p_fd"},
      text_{"proc", "p_textvp"}, text_entry_{"proc", "p_textnch.ncp"},
      text_mount_{"proc", "p_textnch.mount"}, arguments_{"proc", "p_args"};
  Field start_seconds_{"proc", "p_start.tv_sec"}, start_fraction_{"proc", "p_start.tv_usec"},
      user_time_{"proc", "p_ru.ru_utime"}, system_time_{"proc", "p_ru.ru_stime"};
  Field thread_{"lwp", "lwp_thread"}, thread_user_{"thread", "td_uticks"},
      thread_system_{"thread", "td_sticks"};
  Field group_id_{"pgrp", "pg_id"}, session_{"pgrp", "pg_session"}, session_id_{"session", "s_sid"},
      terminal_{"session", "s_ttyp"}, terminal_device_{"tty", "t_dev"};
  Field real_uid_{"ucred", "cr_ruid"}, groups_{"ucred", "cr_groups"}, real_gid_{"ucred", "cr_rgid"},
      prison_{"ucred", "cr_prison"}, prison_id_{"prison", "pr_id"};
  Field size_{"vmspace", "vm_map.size"}, resident_{"vmspace", "vm_pmap.pm_stats.resident_count"};
  Field directory_entry_{"filedesc", "fd_ncdir.ncp"},
      directory_mount_{"filedesc", "fd_ncdir.mount"}, root_entry_{"filedesc", "fd_nrdir.ncp"},
      root_mount_{"filedesc", "fd_nrdir.mount"};
};

}  // namespace panicroom::dragonfly
