#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/netbsd/processes.h"
#include "core/kernel/netbsd/vnodes.h"
#include "core/kernel/process_strings.h"

namespace panicroom::netbsd {

/// Reads what a process is asked for beside its name and ids. What does not apply (a kernel process
/// has no memory of its own) stays empty without a note.
class ProcessDetailsReader {
 public:
  ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes);

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
  std::optional<ProcessStrings::Place> strings_place(std::uint64_t process, Notes& notes);
  std::optional<std::string> terminal(std::uint64_t session, Notes& notes);

  Evidence& evidence_;
  Processes& processes_;
  Vnodes& vnodes_;
  ProcessStrings strings_;

  Field group_{"proc", "p_pgrp"}, flags_{"proc", "p_flag"}, life_flags_{"proc", "p_lflag"},
      nice_{"proc", "p_nice"}, statistics_{"proc", "p_stats"}, credentials_{"proc", "p_cred"},
      space_{"proc", "p_vmspace"}, places_{"proc", "p_cwdi"}, text_{"proc", "p_textvp"},
      path_{"proc", "p_path"}, strings_address_{"proc", "p_psstrp"};
  Field run_seconds_{"proc", "p_rtime.sec"}, run_fraction_{"proc", "p_rtime.frac"},
      user_ticks_{"proc", "p_uticks"}, system_ticks_{"proc", "p_sticks"},
      interrupt_ticks_{"proc", "p_iticks"}, lwp_run_seconds_{"lwp", "l_rtime.sec"},
      lwp_run_fraction_{"lwp", "l_rtime.frac"};
  Field group_id_{"pgrp", "pg_id"}, session_{"pgrp", "pg_session"}, session_id_{"session", "s_sid"},
      terminal_{"session", "s_ttyp"}, terminal_device_{"tty", "t_dev"};
  Field real_uid_{"kauth_cred", "cr_uid"}, gid_{"kauth_cred", "cr_egid"},
      real_gid_{"kauth_cred", "cr_gid"};
  Field start_seconds_{"pstats", "p_start.tv_sec"}, start_fraction_{"pstats", "p_start.tv_usec"};
  Field size_{"vmspace", "vm_map.size"}, map_pmap_{"vmspace", "vm_map.pmap"},
      resident_{"pmap", {"pm_stats.resident_count", "pm_stats.resident"}};
  Field directory_{"cwdinfo", "cwdi_cdir"}, root_{"cwdinfo", "cwdi_rdir"};
};

}  // namespace panicroom::netbsd
