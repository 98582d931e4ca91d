#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/kernel.h"
#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// Where the members of struct task_struct and its neighbours lie in this kernel.
struct TaskLayout {
  Member tasks, pid, tgid, comm, state;
  std::optional<Member> exit_state, real_parent, real_cred, signal, mm, stack;
  std::optional<Member> priority, policy, run_time;  ///< of the scheduler
  std::optional<Member> on_cpu, cpu;                 ///< only where there are several processors
  std::optional<Member> thread_node, thread_group;   ///< thread_node since Linux 3.14
  std::optional<Member> thread_head, thread_count;   ///< of struct signal_struct
  std::optional<Member> euid;                        ///< of struct cred
  std::optional<Member> pgd;                         ///< of struct mm_struct
  std::uint64_t stack_size = 0;                      ///< THREAD_SIZE; 0 when unknown
};
Result<TaskLayout> read_task_layout(Evidence& evidence);

/// Walks the kernel's tasks. A missing page ends a list, not the walk: lists are then read from
/// their other end too.
class Tasks {
 public:
  /// Without `cpus` each task says itself whether it was running.
  Tasks(Evidence& evidence, TaskLayout layout, std::optional<Cpus> cpus);

  const std::optional<Cpus>& cpus() const { return cpus_; }
  /// Addresses of every thread group's leader: the idle tasks by processor, then init_task's list.
  Result<std::vector<std::uint64_t>> leaders(Notes& notes);
  /// Addresses of the threads of a leader, itself first.
  std::vector<std::uint64_t> threads_of(std::uint64_t leader, Notes& notes);

  /// False, with a note, for a task of which neither id nor name can be read.
  bool can_be_read(std::uint64_t task, Notes& notes, std::string_view what);
  Process read_process(std::uint64_t leader, Notes& notes);
  /// All but the processor, its registers and whether the kernel died on it.
  Thread read_thread(std::uint64_t task, std::uint64_t leader, Notes& notes);
  /// Nothing when the task was on no processor.
  std::optional<Running> running(std::uint64_t task, Notes& notes);

 private:
  /// The elements of a list whose links lie at `link` within them; `head` is no element.
  void walk_list(std::uint64_t head, std::uint64_t link, std::vector<std::uint64_t>& found,
                 Notes& notes, std::string_view what);
  std::optional<std::uint64_t> get(std::uint64_t address, const std::optional<Member>& member,
                                   Notes& notes, std::string_view what);
  std::optional<std::int64_t> number(std::uint64_t task, const Member& member, Notes& notes,
                                     std::string_view what);
  void read_scheduling(std::uint64_t task, Thread& thread, Notes& notes);
  std::optional<std::string> name(std::uint64_t task, Notes& notes);
  std::optional<std::string> state(std::uint64_t task, Notes& notes);

  Evidence& evidence_;
  TaskLayout layout_;
  std::optional<Cpus> cpus_;
  CpuStates states_;
  std::uint64_t budget_;     ///< elements that the lists together may still have
  bool old_states_ = false;  ///< before Linux 4.14 some state bits had other values
};

}  // namespace panicroom::linux_kernel
