#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/dragonfly/evidence.h"
#include "core/kernel/field.h"

namespace panicroom::dragonfly {

/// One walk over the processes: the lists that pids are spread over (procglob since 4.8, allprocs
/// before; one list, allproc, in older kernels), each struct proc's tree of lwps. It keeps the lwps
/// that it saw: each has one process.
class Processes {
 public:
  explicit Processes(Evidence& evidence);

  /// Calls `visit` with each process, zombies too; false ends the walk. Fails when not even the
  /// lists' place is known.
  Result<void> each(const std::function<bool(std::uint64_t process)>& visit, Notes& notes);
  struct LwpList {
    std::vector<std::uint64_t> addresses;  ///< of struct lwps
    bool whole = true;                     ///< false when a part was left out
  };
  LwpList lwps_of(std::uint64_t process, Notes& notes);

  std::optional<std::int64_t> pid(std::uint64_t process, Notes& notes);
  std::optional<std::string> name(std::uint64_t process, Notes& notes);
  /// What the processes table always has but the state of an active process, which is its threads'.
  /// `lwps` receives the process's own.
  Process read_process(std::uint64_t process, LwpList& lwps, Notes& notes);
  /// It runs in the kernel alone: its memory is the kernel's.
  bool is_kernel_process(std::uint64_t process);
  /// Another process traces it: it is stopped for that one.
  bool is_traced(std::uint64_t process);
  /// It is active: its state is that of its threads.
  bool is_active(std::uint64_t process);

 private:
  struct Heads {
    std::uint64_t first = 0, stride = 0, count = 1;
  };
  Result<Heads> heads();
  std::optional<std::int64_t> parent_of(std::uint64_t process, Notes& notes);
  std::optional<std::string> state(std::uint64_t process, Notes& notes);
  std::optional<std::uint64_t> page_table_root(std::uint64_t process, Notes& notes);

  Evidence& evidence_;
  std::uint64_t most_listed_;
  std::set<std::uint64_t> processes_, lwps_;

  Field listed_{"procglob", "allproc"}, list_{"proc", "p_list"}, pid_{"proc", "p_pid"},
      name_{"proc", "p_comm"}, state_{"proc", "p_stat"}, flags_{"proc", "p_flags"},
      credentials_{"proc", "p_ucred"}, parent_{"proc", "p_pptr"}, real_parent_{"proc", "p_oppid"},
      space_{"proc", "p_vmspace"}, tree_{"proc", "p_lwp_tree"};
  Field left_{"lwp", {"u.lwp_rbnode.rbe_left", "lwp_rbnode.rbe_left"}},
      right_{"lwp", {"u.lwp_rbnode.rbe_right", "lwp_rbnode.rbe_right"}};
  Field user_{"ucred", "cr_uid"}, root_{"vmspace", "vm_pmap.pm_pml4"};
};

}  // namespace panicroom::dragonfly
