#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/illumos/processes.h"
#include "core/kernel/illumos/vnodes.h"

namespace panicroom::illumos {

/// Reads what a process is asked for beside its name and ids. What does not apply (a kernel process
/// has no memory of its own) stays empty without a note.
class ProcessDetailsReader {
 public:
  ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes);

  /// `threads`: addresses of its kthread_ts; needed for times and the nice value. `memory` opens
  /// the process's own address space.
  void read(const ProcessQuery& query, const std::vector<std::uint64_t>& threads,
            const std::function<Result<std::unique_ptr<AddressSpace>>()>& memory, Process& process,
            Notes& notes);

 private:
  using Words = std::vector<std::string>;

  void read_identity(std::uint64_t process, const std::vector<std::uint64_t>& threads,
                     ProcessDetails& details, Notes& notes);
  void read_credentials(std::uint64_t process, ProcessDetails& details, Notes& notes);
  std::optional<std::int64_t> nice(const std::vector<std::uint64_t>& threads, Notes& notes);
  std::optional<std::string> terminal(std::uint64_t session, Notes& notes);
  void read_times(std::uint64_t process, const std::vector<std::uint64_t>& threads,
                  ProcessDetails& details, Notes& notes);
  void read_sizes(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_paths(std::uint64_t process, ProcessDetails& details, Notes& notes);
  void read_words(const ProcessQuery& query,
                  const std::function<Result<std::unique_ptr<AddressSpace>>()>& memory,
                  Process& process, Notes& notes);
  /// The texts that an array of pointers leads to, of `word` bytes each, `count` of them or up to a
  /// null one.
  Result<Words> words(AddressSpace& memory, std::uint64_t pointers, std::uint64_t count,
                      unsigned word);
  /// The beginning of the arguments that the kernel keeps.
  std::optional<Words> kept_arguments(std::uint64_t process, Notes& notes);

  Evidence& evidence_;
  Processes& processes_;
  Vnodes& vnodes_;
  std::uint64_t bytes_left_;  // of arguments and environments that may still be read

  Field group_{"proc", "p_pgidp"}, session_{"proc", "p_sessp"}, flags_{"proc", "p_flag"},
      credentials_{"proc", "p_cred"}, zone_{"proc", "p_zone"}, began_{"proc", "p_user.u_ticks"},
      times_{"proc", "p_acct"}, space_{"proc", "p_as"}, program_{"proc", "p_exec"},
      directory_{"proc", "p_user.u_cdir"}, root_{"proc", "p_user.u_rdir"},
      model_{"proc", "p_model"}, argument_count_{"proc", "p_user.u_argc"},
      arguments_{"proc", "p_user.u_argv"}, environment_{"proc", "p_user.u_envp"},
      beginning_{"proc", "p_user.u_psargs"};
  Field id_number_{"pid", "pid_id"}, leader_{"sess", "s_sidp"}, terminal_{"sess", "s_vp"},
      terminal_device_{"sess", "s_dev"}, zone_id_{"zone", "zone_id"};
  Field real_uid_{"cred", "cr_ruid"}, gid_{"cred", "cr_gid"}, real_gid_{"cred", "cr_rgid"};
  Field size_{"as", "a_size"}, hat_{"as", "a_hat"}, resident_{"hat", "hat_pages_mapped"};
  Field of_class_{"_kthread", "t_cldata"}, nice_shared_{"tsproc", "ts_nice"},
      nice_fixed_{"fxproc", "fx_nice"}, nice_fair_{"fssproc", "fss_nice"};
};

}  // namespace panicroom::illumos
