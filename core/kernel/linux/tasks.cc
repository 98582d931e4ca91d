#include "core/kernel/linux/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/kernel/linux/find_init_task.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_tasks = 1U << 22U;   // PID_MAX_LIMIT
constexpr std::uint64_t least_tasks = 1U << 12U;  // that are looked for, however small the dump is
constexpr std::uint64_t smallest_task = 1024;  // bytes; those of today's kernels have 3 to 10 KiB
constexpr std::size_t longest_comm = 64;       // TASK_COMM_LEN is 16

// Linux include/linux/sched.h
constexpr std::uint64_t interruptible = 1, uninterruptible = 2, stopped = 4, traced = 8;
constexpr std::uint64_t exit_dead = 0x10, exit_zombie = 0x20, no_load = 0x400;
constexpr std::uint64_t parked = 0x40, dead = 0x80, new_task = 0x800;
constexpr std::uint64_t old_dead = 0x40, old_parked = 0x200;  // before 4.14

/// "6.1.0-56-amd64" -> 6, 1.
std::optional<std::pair<int, int>> version_of(std::string_view release) {
  int major = 0, minor = 0;
  const char* end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  if (std::from_chars(first.ptr + 1, end, minor).ec != std::errc{}) return std::nullopt;
  return std::pair(major, minor);
}

/// How many list elements are worth following: page tables may show one task at any number of
/// addresses, but no more tasks than fit into the memory that the dump describes are real.
std::uint64_t most_tasks_in(Evidence& evidence) {
  std::uint64_t size = smallest_task;
  if (const auto types = evidence.types())
    if (const auto known = (*types)->size_of("task_struct")) size = std::max(size, *known);
  return std::clamp(evidence.memory_present() / size, least_tasks, most_tasks);
}

bool has_old_states(Evidence& evidence) {
  std::string_view release = evidence.dump().release;
  if (const Vmcoreinfo* info = evidence.vmcoreinfo())
    release = info->value("OSRELEASE").value_or(release);
  const auto version = version_of(release);
  return version && *version < std::pair(4, 14);
}

/// Bytes of a thread's kernel stack (THREAD_SIZE): what the linker script sets aside for the first
/// one (Linux, include/asm-generic/vmlinux.lds.h, INIT_TASK_DATA), else the union's size, which
/// many kernels' BTF lacks: to know that takes a pass over all of it.
std::uint64_t stack_size(Evidence& evidence, const TypeCatalog& types) {
  for (const auto& [first, end] : {std::pair{"__start_init_task", "__end_init_task"},
                                   std::pair{"__start_init_stack", "__end_init_stack"}}) {
    const auto low = evidence.address_of(first), high = evidence.address_of(end);
    if (low && high && *high > *low && is_power_of_two(*high - *low)) return *high - *low;
  }
  return types.size_of("thread_union").value_or(0);
}

}  // namespace

Result<TaskLayout> read_task_layout(Evidence& evidence) {
  TaskLayout layout;
  PANICROOM_TRY(types, evidence.types());
  const auto optional = [&](std::string_view structure, std::string_view path) {
    auto member = types->member(structure, path);
    return member ? std::optional(*member) : std::nullopt;
  };
  PANICROOM_TRY(tasks, types->member("task_struct", "tasks"));
  PANICROOM_TRY(pid, types->member("task_struct", "pid"));
  PANICROOM_TRY(tgid, types->member("task_struct", "tgid"));
  PANICROOM_TRY(comm, types->member("task_struct", "comm"));
  auto state = types->member("task_struct", "__state");  // `state` before 5.14
  if (!state) state = types->member("task_struct", "state");
  if (!state) return Failure(state.error());
  layout.tasks = tasks;
  layout.pid = pid;
  layout.tgid = tgid;
  layout.comm = comm;
  layout.state = *state;
  layout.exit_state = optional("task_struct", "exit_state");
  layout.real_parent = optional("task_struct", "real_parent");
  layout.real_cred = optional("task_struct", "real_cred");
  layout.signal = optional("task_struct", "signal");
  layout.mm = optional("task_struct", "mm");
  layout.stack = optional("task_struct", "stack");
  layout.priority = optional("task_struct", "prio");
  layout.policy = optional("task_struct", "policy");
  layout.run_time = optional("task_struct", "se.sum_exec_runtime");
  layout.on_cpu = optional("task_struct", "on_cpu");
  // Within thread_info where that is part of the task (x86 since 5.16, AArch64 since 5.16).
  layout.cpu = optional("task_struct", "thread_info.cpu");
  if (!layout.cpu) layout.cpu = optional("task_struct", "cpu");
  layout.thread_node = optional("task_struct", "thread_node");
  if (!layout.thread_node) layout.thread_group = optional("task_struct", "thread_group");
  layout.thread_head = optional("signal_struct", "thread_head");
  layout.thread_count = optional("signal_struct", "nr_threads");
  layout.euid = optional("cred", "euid.val");
  if (!layout.euid) layout.euid = optional("cred", "euid");
  layout.pgd = optional("mm_struct", "pgd");
  layout.stack_size = stack_size(evidence, *types);
  return layout;
}

Tasks::Tasks(Evidence& evidence, TaskLayout layout, std::optional<Cpus> cpus)
    : evidence_(evidence),
      layout_(layout),
      cpus_(std::move(cpus)),
      states_(evidence.dump().cpus),
      budget_(most_tasks_in(evidence)),
      old_states_(has_old_states(evidence)) {}

void Tasks::walk_list(std::uint64_t head, std::uint64_t link, std::vector<std::uint64_t>& found,
                      Notes& notes, std::string_view what) {
  AddressSpace& memory = evidence_.memory();
  // The dump chooses the addresses: no hash table, which some choice would make slow.
  std::set<std::uint64_t> seen(found.begin(), found.end());
  // Forward by list_head.next; where that breaks off, backward by list_head.prev up to the gap.
  for (const bool backward : {false, true}) {
    const std::uint64_t step = backward ? evidence_.pointer_size() : 0;
    std::vector<std::uint64_t> part;
    std::optional<Note> broken;
    auto next = memory.word(head + step);
    while (true) {
      if (!next) {
        broken = note_of(next.error().within(fmt::format("{} breaks off", what)));
        break;
      }
      if (*next == head) break;
      const std::uint64_t element = *next - link;
      if (*next == 0 || budget_ == 0 || !seen.insert(element).second) {
        // Coming from behind, the part that was read from the front ends the walk.
        if (!backward || *next == 0)
          broken = Note{ErrorCode::corrupt, fmt::format("{} does not lead back to its head", what),
                        *next};
        break;
      }
      --budget_;
      part.push_back(element);
      next = memory.word(*next + step);
    }
    if (backward) std::reverse(part.begin(), part.end());
    found.insert(found.end(), part.begin(), part.end());
    if (!broken) break;
    notes.add(std::move(*broken));
  }
}

Result<std::vector<std::uint64_t>> Tasks::leaders(Notes& notes) {
  auto named = evidence_.address_of("init_task");
  if (!named) named = find_init_task(evidence_, layout_);
  PANICROOM_TRY(init, std::move(named));
  std::vector<std::uint64_t> found;
  if (cpus_)
    for (const Cpu& cpu : cpus_->all())
      if (cpu.idle) found.push_back(*cpu.idle);
  if (std::find(found.begin(), found.end(), init) == found.end()) found.insert(found.begin(), init);
  walk_list(init + layout_.tasks.offset, layout_.tasks.offset, found, notes, "the list of tasks");
  return found;
}

std::vector<std::uint64_t> Tasks::threads_of(std::uint64_t leader, Notes& notes) {
  std::vector<std::uint64_t> found = {leader};
  if (layout_.thread_node && layout_.thread_head) {
    const auto signal = get(leader, layout_.signal, notes, "a task's signal_struct");
    if (!signal || *signal == 0) return found;
    std::vector<std::uint64_t> threads;
    // The idle tasks of other processors are on no list: their heads are empty or name them.
    walk_list(*signal + layout_.thread_head->offset, layout_.thread_node->offset, threads, notes,
              "a process's list of threads");
    for (const std::uint64_t thread : threads)
      if (thread != leader) found.push_back(thread);
  } else if (layout_.thread_group) {
    walk_list(leader + layout_.thread_group->offset, layout_.thread_group->offset, found, notes,
              "a process's list of threads");
  }
  return found;
}

std::optional<Running> Tasks::running(std::uint64_t task, Notes& notes) {
  if (cpus_) {
    const Cpu* cpu = cpus_->running(task);
    if (!cpu) return std::nullopt;
    return Running{cpu->number, cpu->state};
  }
  if (!layout_.on_cpu) return std::nullopt;
  const auto on_cpu = get(task, layout_.on_cpu, notes, "whether a task was running");
  if (!on_cpu || *on_cpu == 0) return std::nullopt;
  Running running;
  const auto number = get(task, layout_.cpu, notes, "the processor that a task was running on");
  if (number && *number < states_.size()) running.state = states_.by_number(*number);
  if (number) running.cpu = static_cast<std::uint32_t>(*number);
  // Where notes name processes, the one that names this task is right.
  if (const auto pid = get(task, layout_.pid, notes, "a thread's id"))
    if (const CpuState* own =
            states_.by_pid(static_cast<std::int32_t>(static_cast<std::uint32_t>(*pid))))
      running.state = own;
  return running;
}

std::optional<std::uint64_t> Tasks::get(std::uint64_t address, const std::optional<Member>& member,
                                        Notes& notes, std::string_view what) {
  if (!member) {
    notes.add(
        Note{ErrorCode::no_type, fmt::format("{} is unknown: no such member", what), std::nullopt});
    return std::nullopt;
  }
  const auto value = evidence_.field(address, *member);
  if (value) return *value;
  notes.add(value.error().within(what));
  return std::nullopt;
}

std::optional<std::int64_t> Tasks::number(std::uint64_t task, const Member& member, Notes& notes,
                                          std::string_view what) {
  const auto value = get(task, member, notes, what);
  if (!value) return std::nullopt;
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(*value));
}

std::optional<std::string> Tasks::name(std::uint64_t task, Notes& notes) {
  const std::size_t length =
      std::min<std::size_t>(static_cast<std::size_t>(layout_.comm.size), longest_comm);
  auto text = evidence_.memory().string(task + layout_.comm.offset, length);
  if (text) return *text;
  notes.add(text.error().within("a task's name"));
  return std::nullopt;
}

std::optional<std::string> Tasks::state(std::uint64_t task, Notes& notes) {
  const auto bits = get(task, layout_.state, notes, "a task's state");
  if (!bits) return std::nullopt;
  std::uint64_t exit = 0;
  if (layout_.exit_state)
    if (const auto value = get(task, layout_.exit_state, notes, "a task's exit state"))
      exit = *value;
  if ((exit & exit_zombie) != 0) return "zombie";
  if ((exit & exit_dead) != 0) return "dead";
  if (*bits == 0) return "running";
  if ((*bits & interruptible) != 0) return "sleeping";
  if ((*bits & uninterruptible) != 0) return (*bits & no_load) != 0 ? "idle" : "uninterruptible";
  if ((*bits & stopped) != 0) return "stopped";
  if ((*bits & traced) != 0) return "traced";
  if ((*bits & (old_states_ ? old_dead : dead)) != 0) return "dead";
  if ((*bits & (old_states_ ? old_parked : parked)) != 0) return "parked";
  if ((*bits & new_task) != 0) return "new";
  notes.add(
      Note{ErrorCode::unsupported, fmt::format("a task's state {:#x} is not known", *bits), task});
  return std::nullopt;
}

bool Tasks::can_be_read(std::uint64_t task, Notes& notes, std::string_view what) {
  const auto pid = evidence_.field(task, layout_.pid);
  if (pid || evidence_.memory().string(task + layout_.comm.offset, longest_comm)) return true;
  notes.add(pid.error().within(what));
  return false;
}

Process Tasks::read_process(std::uint64_t leader, Notes& notes) {
  Process process;
  process.address = leader;
  process.pid = number(leader, layout_.tgid, notes, "a process's pid");
  process.name = name(leader, notes);
  process.state = state(leader, notes);
  // Whichever task started a processor counts as its idle task's parent in task_struct; ps and
  // crash say that the idle tasks, the kernel itself, have none but pid 0.
  if (process.pid == 0)
    process.ppid = 0;
  else if (const auto parent = get(leader, layout_.real_parent, notes, "a process's parent");
           parent && *parent != 0)
    process.ppid = number(*parent, layout_.tgid, notes, "a process's parent");
  if (const auto cred = get(leader, layout_.real_cred, notes, "a process's user"); cred && *cred)
    if (const auto uid = get(*cred, layout_.euid, notes, "a process's user"))
      process.uid = static_cast<std::int64_t>(*uid);
  if (const auto signal = get(leader, layout_.signal, notes, "a process's threads");
      signal && *signal)
    process.threads = get(*signal, layout_.thread_count, notes, "a process's threads");
  if (const auto mm = get(leader, layout_.mm, notes, "a process's memory"); mm && *mm)
    if (const auto pgd = get(*mm, layout_.pgd, notes, "a process's page tables"))
      if (const auto root = evidence_.memory().translate(*pgd))
        process.page_table_root = root->physical;
  return process;
}

void Tasks::read_scheduling(std::uint64_t task, Thread& thread, Notes& notes) {
  constexpr std::int64_t real_time_levels = 100;  // MAX_RT_PRIO
  // Linux include/uapi/linux/sched.h, SCHED_*.
  constexpr std::array<const char*, 7> policies = {"other", "fifo", "rr",      "batch",
                                                   "",      "idle", "deadline"};
  if (layout_.priority)
    if (const auto value = number(task, *layout_.priority, notes, "a thread's priority"))
      thread.priority = *value - real_time_levels;
  if (layout_.policy)
    if (const auto value = get(task, layout_.policy, notes, "a thread's policy");
        value && *value < policies.size())
      thread.policy = policies[static_cast<std::size_t>(*value)];
  if (layout_.cpu) thread.last_cpu = number(task, *layout_.cpu, notes, "a thread's processor");
  if (layout_.run_time)
    if (const auto value = get(task, layout_.run_time, notes, "how long a thread ran"))
      thread.run_time = static_cast<double>(*value) * 1e-9;
}

Thread Tasks::read_thread(std::uint64_t task, std::uint64_t leader, Notes& notes) {
  Thread thread;
  thread.address = task;
  thread.process_address = leader;
  thread.pid = number(task, layout_.tgid, notes, "a thread's process id");
  thread.tid = number(task, layout_.pid, notes, "a thread's id");
  thread.name = name(task, notes);
  thread.process = leader == task ? thread.name : name(leader, notes);
  thread.state = state(task, notes);
  read_scheduling(task, thread, notes);
  if (layout_.stack && layout_.stack_size != 0) {
    const auto stack = get(task, layout_.stack, notes, "a thread's kernel stack");
    if (stack && *stack != 0 && *stack <= UINT64_MAX - layout_.stack_size) {
      thread.stack_low = *stack;
      thread.stack_high = *stack + layout_.stack_size;
    }
  }
  return thread;
}

}  // namespace panicroom::linux_kernel
