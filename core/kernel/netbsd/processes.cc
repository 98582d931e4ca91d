#include "core/kernel/netbsd/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/loop_guard.h"
#include "core/kernel/lists.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t smallest_object = 512;  // a struct proc or lwp has more than 600 bytes
constexpr std::uint64_t least_objects = 1024;   // that are looked for, however small the dump is
constexpr std::uint64_t most_objects_ever = 1U << 22U;
constexpr std::uint64_t most_cpus = 4096;
constexpr std::uint64_t largest_stack = 64 << 10;  // UPAGES is 8 at most; pages of 4 KiB

// sys/sys/proc.h and sys/sys/lwp.h, the same from NetBSD 7 to 10.
enum ProcessState : std::uint64_t {
  process_new = 1,
  process_active = 2,
  process_dying = 3,
  process_stopped = 4,
  process_zombie = 5,
  process_dead = 6
};
enum LwpState : std::uint64_t {
  lwp_new = 1,
  lwp_runnable = 2,
  lwp_asleep = 3,
  lwp_stopped = 4,
  lwp_zombie = 5,
  lwp_dead = 6,
  lwp_runs = 7,
  lwp_suspended = 8
};
constexpr std::uint64_t process_is_system = 0x2, process_is_marker = 0x80000000;
constexpr std::uint64_t process_is_traced = 0x40;  // PSL_TRACED
constexpr std::uint64_t lwp_is_idle = 0x1, lwp_sleeps_interruptibly = 0x80;

}  // namespace

Processes::Processes(Evidence& evidence)
    : evidence_(evidence),
      most_listed_(std::clamp(evidence.memory_present() / smallest_object, least_objects,
                              most_objects_ever)) {}

bool Processes::walk(std::string_view head, std::uint64_t first, std::uint64_t link,
                     const std::function<bool(std::uint64_t)>& visit, Notes& notes) {
  return for_each_listed(evidence_, first, link, most_listed_, fmt::format("the list {}", head),
                         notes, [&](std::uint64_t process) {
                           // A walk that was under way marks its place with a struct proc that is
                           // none.
                           const auto flags = flags_.read(evidence_, process);
                           if (flags && (*flags & process_is_marker) != 0) return true;
                           return !process_can_be_read(process, notes) || visit(process);
                         });
}

Result<void> Processes::each(const std::function<bool(std::uint64_t, bool)>& visit, Notes& notes) {
  PANICROOM_TRY(link, list_.member(evidence_));
  PANICROOM_TRY(living, evidence_.address_of("allproc"));
  if (const auto first = evidence_.memory().word(living); !first)
    return Failure(first.error().within("the kernel variable allproc"));
  if (!walk(
          "allproc", living, link.offset,
          [&](std::uint64_t process) { return visit(process, false); }, notes))
    return {};
  const auto dead = evidence_.address_of("zombproc");
  if (dead)
    walk(
        "zombproc", *dead, link.offset, [&](std::uint64_t process) { return visit(process, true); },
        notes);
  return {};
}

bool Processes::process_can_be_read(std::uint64_t process, Notes& notes) {
  const auto number = pid_.read(evidence_, process);
  if (number || name_.text(evidence_, process)) return true;
  notes.add(number.error().within("a process is left out"));
  return false;
}

bool Processes::lwp_can_be_read(std::uint64_t lwp, Notes& notes) {
  const auto number = lid_.read(evidence_, lwp);
  if (number) return true;
  notes.add(number.error().within("a thread is left out"));
  return false;
}

Processes::Lwps Processes::lwps_of(std::uint64_t process, Notes& notes) {
  Lwps lwps;
  const auto head = lwps_.place(evidence_, process);
  const auto link = next_.member(evidence_);
  if (!head || !link) {
    notes.add((!head ? head.error() : link.error()).within("a process's list of threads"));
    lwps.whole = false;
    return lwps;
  }
  auto lwp = evidence_.memory().word(*head);
  while (lwp && *lwp != 0) {
    const bool full = seen_.size() == most_listed_;
    if (full || !seen_.insert(*lwp).second) {
      notes.add(Note{ErrorCode::corrupt,
                     full ? "there are more threads than fit into the memory in the dump"
                          : "a process's list of threads comes to a thread that was already on one",
                     *lwp});
      lwps.whole = false;
      return lwps;
    }
    lwps.addresses.push_back(*lwp);
    lwp = evidence_.memory().word(*lwp + link->offset);
  }
  if (lwp) return lwps;
  notes.add(lwp.error().within("a process's list of threads breaks off"));
  lwps.whole = false;
  return lwps;
}

std::optional<std::int64_t> Processes::pid(std::uint64_t process, Notes& notes) {
  return noted(pid_.read_signed(evidence_, process), notes, "a process's pid");
}

std::optional<std::string> Processes::name(std::uint64_t process, Notes& notes) {
  return noted(name_.text(evidence_, process), notes, "a process's name");
}

std::optional<std::int64_t> Processes::lid(std::uint64_t lwp, Notes& notes) {
  return noted(lid_.read_signed(evidence_, lwp), notes, "a thread's tid");
}

std::optional<std::string> Processes::lwp_name(std::uint64_t lwp, Notes& notes) {
  return text_behind(evidence_, lwp_name_, lwp, "a thread's name", notes);
}

std::optional<std::uint64_t> Processes::process_of(std::uint64_t lwp, Notes& notes) {
  return noted(process_.read(evidence_, lwp), notes, "a thread's process");
}

bool Processes::is_kernel_process(std::uint64_t process) {
  const auto flags = flags_.read(evidence_, process);
  return flags && (*flags & process_is_system) != 0;
}

bool Processes::is_idle(std::uint64_t lwp) {
  const auto flags = lwp_flags_.read(evidence_, lwp);
  return flags && (*flags & lwp_is_idle) != 0;
}

std::optional<std::uint64_t> Processes::page_table_root(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's page tables";
  if (is_kernel_process(process)) return std::nullopt;
  const auto space = noted(space_.read(evidence_, process), notes, what);
  if (!space || *space == 0) return std::nullopt;
  const auto pmap = noted(map_pmap_.read(evidence_, *space), notes, what);
  if (!pmap || *pmap == 0) return std::nullopt;
  // One address, or an array of which the first leads to all others.
  const auto member = noted(root_.member(evidence_), notes, what);
  if (!member) return std::nullopt;
  const bool narrow = evidence_.pointer_size() == 4 && member->size % 8 != 0;
  return noted(evidence_.memory().integer(*pmap + member->offset, narrow ? 4 : 8), notes, what);
}

std::optional<std::int64_t> Processes::parent_of(std::uint64_t process, Notes& notes) {
  const auto parent = noted(parent_.read(evidence_, process), notes, "a process's parent");
  if (!parent) return std::nullopt;
  return *parent == 0 ? 0 : pid(*parent, notes);
}

Process Processes::read_process(std::uint64_t address, bool zombie,
                                std::vector<std::uint64_t>& found, Notes& notes) {
  Process process;
  process.address = address;
  process.pid = pid(address, notes);
  process.name = name(address, notes);
  Lwps lwps = lwps_of(address, notes);
  if (lwps.whole) process.threads = lwps.addresses.size();
  found = std::move(lwps.addresses);
  process.ppid = parent_of(address, notes);
  if (const auto cred = noted(credentials_.read(evidence_, address), notes, "a process's user");
      cred && *cred != 0)
    if (const auto uid = noted(user_.read(evidence_, *cred), notes, "a process's user"))
      process.uid = static_cast<std::int64_t>(*uid);
  process.state =
      zombie ? std::optional<std::string>("zombie") : process_state(address, found, notes);
  if (process.state != "zombie") process.page_table_root = page_table_root(address, notes);
  return process;
}

std::optional<std::string> Processes::stopped_or_traced(std::uint64_t process, Notes& notes) {
  const auto flags = noted(trace_flags_.read(evidence_, process), notes, "a process's flags");
  return flags && (*flags & process_is_traced) != 0 ? "traced" : "stopped";
}

std::optional<std::string> Processes::process_state(std::uint64_t process,
                                                    const std::vector<std::uint64_t>& lwps,
                                                    Notes& notes) {
  const auto state = noted(state_.read(evidence_, process), notes, "a process's state");
  if (!state) return std::nullopt;
  switch (*state) {
    case process_new:
      return "new";
    case process_stopped:
      return stopped_or_traced(process, notes);
    case process_zombie:
      return "zombie";
    case process_dying:
    case process_dead:
      return "dead";
    case process_active:
      // As ps(1) shows it: that of the first lwp.
      if (lwps.empty()) return std::nullopt;
      return lwp_state(lwps.front(), process, notes);
    default:
      notes.add(Note{ErrorCode::corrupt, fmt::format("a process's state is {}", *state), process});
      return std::nullopt;
  }
}

std::optional<std::string> Processes::lwp_state(std::uint64_t lwp, std::uint64_t process,
                                                Notes& notes) {
  const auto state = noted(lwp_state_.read(evidence_, lwp), notes, "a thread's state");
  if (!state) return std::nullopt;
  const auto flags = noted(lwp_flags_.read(evidence_, lwp), notes, "a thread's flags");
  switch (*state) {
    case lwp_new:  // idle lwps that do not run are in it too
      return flags && (*flags & lwp_is_idle) != 0 ? "idle" : "new";
    case lwp_runnable:
    case lwp_runs:
      return "running";
    case lwp_asleep:
      if (!flags) return std::nullopt;
      return (*flags & lwp_sleeps_interruptibly) != 0 ? "sleeping" : "uninterruptible";
    case lwp_stopped:
    case lwp_suspended:
      return stopped_or_traced(process, notes);
    case lwp_zombie:
      return "zombie";
    case lwp_dead:
      return "dead";
    default:
      notes.add(Note{ErrorCode::corrupt, fmt::format("a thread's state is {}", *state), lwp});
      return std::nullopt;
  }
}

std::optional<std::int64_t> Processes::cpu_index(std::uint64_t cpu, Notes& notes) {
  constexpr std::string_view what = "a thread's processor";
  const auto index = noted(index_.read(evidence_, cpu), notes, what);
  if (!index) return std::nullopt;
  if (*index < most_cpus) return static_cast<std::int64_t>(*index);
  notes.add(Note{ErrorCode::corrupt, fmt::format("{} is {}: there is none", what, *index), cpu});
  return std::nullopt;
}

std::optional<std::uint64_t> Processes::pcb(std::uint64_t lwp, Notes& notes) {
  return noted(pcb_.read(evidence_, lwp), notes, "a thread's registers");
}

std::optional<double> Processes::seconds(const Field& whole, const Field& fraction,
                                         std::uint64_t holder, std::string_view what,
                                         Notes& notes) {
  const auto seconds = noted(whole.read_signed(evidence_, holder), notes, what);
  const auto part = noted(fraction.read(evidence_, holder), notes, what);
  if (!seconds || !part) return std::nullopt;
  return static_cast<double>(*seconds) + std::ldexp(static_cast<double>(*part), -64);
}

void Processes::read_scheduling(std::uint64_t lwp, Thread& thread, Notes& notes) {
  constexpr std::array<std::string_view, 3> classes = {"other", "fifo", "rr"};
  thread.priority = noted(priority_.read_signed(evidence_, lwp), notes, "a thread's priority");
  if (const auto value = noted(class_.read_signed(evidence_, lwp), notes, "a thread's class");
      value && *value >= 0 && *value < static_cast<std::int64_t>(classes.size()))
    thread.policy = classes[static_cast<std::size_t>(*value)];
  thread.run_time = seconds(run_seconds_, run_fraction_, lwp, "how long a thread ran", notes);
  const auto cpu = noted(cpu_.read(evidence_, lwp), notes, "a thread's processor");
  if (cpu && *cpu != 0) thread.last_cpu = cpu_index(*cpu, notes);
  const auto state = lwp_state_.read(evidence_, lwp);
  if (state && *state == lwp_runs) thread.cpu = thread.last_cpu;
  // What a lwp slept for stays where it was when it has woken up.
  if (!state || *state != lwp_asleep) return;
  if (const auto channel = noted(channel_.read(evidence_, lwp), notes, "what a thread sleeps on");
      channel && *channel != 0)
    thread.wait_channel = *channel;
  thread.wait_message = text_behind(evidence_, message_, lwp, "why a thread sleeps", notes);
}

/// The kernel stack begins behind the struct pcb. Its end is where the processor would begin to
/// push (x86), or behind what user mode saved on entry (aarch64).
void Processes::read_stack(std::uint64_t lwp, Thread& thread, Notes& notes) {
  constexpr std::string_view what = "a thread's kernel stack";
  const auto low = noted(pcb_.read(evidence_, lwp), notes, what);
  if (!low || *low == 0) return;
  std::optional<std::uint64_t> top;
  if (stack_top_.exists(evidence_))
    top = noted(stack_top_.read(evidence_, *low), notes, what);
  else if (user_frame_.exists(evidence_))
    top = noted(user_frame_.read(evidence_, lwp), notes, what);
  if (!top || *top == 0) return;
  const std::uint64_t page = evidence_.memory().machine().page_size;
  const std::uint64_t high = *top > UINT64_MAX - page ? 0 : (*top + page - 1) / page * page;
  if (high <= *low || high - *low > std::max(largest_stack, 8 * page)) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{} begins at {:#x} and would end at {:#x}", what, *low, *top),
                   lwp});
    return;
  }
  thread.stack_low = *low;
  thread.stack_high = high;
}

Thread Processes::read_lwp(std::uint64_t lwp, std::uint64_t process, Notes& notes) {
  Thread thread;
  thread.address = lwp;
  thread.process_address = process;
  thread.tid = lid(lwp, notes);
  thread.name = lwp_name(lwp, notes);
  thread.state = lwp_state(lwp, process, notes);
  read_scheduling(lwp, thread, notes);
  read_stack(lwp, thread, notes);
  return thread;
}

}  // namespace panicroom::netbsd
