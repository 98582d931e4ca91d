#include "core/kernel/freebsd/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/loop_guard.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t smallest_object = 512;  // a struct proc or thread has over 1 KiB
constexpr std::uint64_t least_objects = 1024;   // that are looked for, however small the dump is
constexpr std::uint64_t most_objects_ever = 1U << 22U;
constexpr std::uint64_t most_cpus = 4096;        // MAXCPU is 1024 at most
constexpr std::size_t longest_message = 64;      // of a wait; the kernel's own have under 20
constexpr std::uint64_t most_stack_pages = 256;  // of a thread's kernel stack; GENERIC has 4

// sys/sys/proc.h, the same from FreeBSD 11 to 15.
enum ProcessState : std::uint64_t { process_new = 0, process_normal = 1, process_zombie = 2 };
constexpr std::uint64_t flag_kernel = 0x4, flag_traced = 0x800, flag_stopped_by_signal = 0x20000,
                        flag_stopped_by_tracer = 0x40000;
enum ThreadState : std::uint64_t { inactive = 0, inhibited = 1, can_run = 2, queued = 3, runs = 4 };
constexpr std::uint64_t inhibited_suspended = 1, inhibited_sleeping = 2, inhibited_swapped = 4,
                        inhibited_lock = 8, inhibited_interrupt = 16;
constexpr std::uint64_t flag_interruptible = 0x8;  // TDF_SINTR

// sys/sys/priority.h: PRI_*, of which 8 means first in, first out.
std::optional<std::string> class_name(std::uint64_t number) {
  constexpr std::array<std::string_view, 5> names = {"", "interrupt", "realtime", "timeshare",
                                                     "idle"};
  const std::uint64_t base = number & 7U;
  if (base == 0 || base >= names.size()) return std::nullopt;
  return (number & 8U) != 0 ? "fifo" : std::string(names[static_cast<std::size_t>(base)]);
}

}  // namespace

Processes::Processes(Evidence& evidence)
    : evidence_(evidence),
      most_listed_(std::clamp(evidence.memory_present() / smallest_object, least_objects,
                              most_objects_ever)),
      pcb_size_(evidence.size_of("pcb")) {
  if (pcb_size_) return;
  // The kernel tells it too (sys/kern/kern_mib.c).
  if (const auto told = evidence_.variable("pcb_size", 4); told && *told != 0 && *told < 65536)
    pcb_size_ = *told;
}

Result<void> Processes::walk(std::string_view head, const std::function<bool(std::uint64_t)>& visit,
                             Notes& notes) {
  PANICROOM_TRY(link, list_.member(evidence_));
  PANICROOM_TRY(first, evidence_.pointer(head));
  VisitOnce guard(most_listed_);
  std::uint64_t process = first;
  while (process != 0) {
    if (!guard.step(process)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic()
                         ? fmt::format("the list {} is a cycle", head)
                         : fmt::format("the list {} is longer than the memory in the dump", head),
                     process});
      return {};
    }
    // The next link is read first: a proc that cannot be read ends the walk, not the answer.
    const auto next = evidence_.memory().word(process + link.offset);
    if (!next) {
      notes.add(next.error().within(fmt::format("the list {} breaks off", head)));
      return {};
    }
    if (!visit(process)) return {};
    process = *next;
  }
  return {};
}

Result<void> Processes::each(const std::function<bool(std::uint64_t, bool)>& visit, Notes& notes) {
  bool go_on = true;
  const auto living = [&](std::uint64_t process) {
    if (process_can_be_read(process, notes)) go_on = visit(process, false);
    return go_on;
  };
  PANICROOM_CHECK(walk("allproc", living, notes));
  if (!go_on || !evidence_.symbols() || !evidence_.symbols()->find("zombproc")) return {};
  const auto dead = [&](std::uint64_t process) {
    return !process_can_be_read(process, notes) || visit(process, true);
  };
  if (const auto walked = walk("zombproc", dead, notes); !walked)
    notes.add(walked.error().within("the zombies are not known"));
  return {};
}

bool Processes::process_can_be_read(std::uint64_t process, Notes& notes) {
  const auto number = pid_.read(evidence_, process);
  if (number || name_.text(evidence_, process)) return true;
  notes.add(number.error().within("a process is left out"));
  return false;
}

bool Processes::thread_can_be_read(std::uint64_t thread, Notes& notes) {
  const auto number = tid_.read(evidence_, thread);
  if (number || thread_name_.text(evidence_, thread)) return true;
  notes.add(number.error().within("a thread is left out"));
  return false;
}

Processes::ThreadList Processes::threads_of(std::uint64_t process, Notes& notes) {
  ThreadList threads;
  const auto head = threads_.place(evidence_, process);
  const auto link = next_.member(evidence_);
  if (!head || !link) {
    notes.add((!head ? head.error() : link.error()).within("a process's list of threads"));
    threads.whole = false;
    return threads;
  }
  auto thread = evidence_.memory().word(*head);
  while (thread && *thread != 0) {
    const bool full = seen_.size() == most_listed_;
    if (full || !seen_.insert(*thread).second) {
      notes.add(Note{ErrorCode::corrupt,
                     full ? "there are more threads than fit into the memory in the dump"
                          : "a process's list of threads comes to a thread that was already on one",
                     *thread});
      threads.whole = false;
      return threads;
    }
    threads.addresses.push_back(*thread);
    thread = evidence_.memory().word(*thread + link->offset);
  }
  if (thread) return threads;
  notes.add(thread.error().within("a process's list of threads breaks off"));
  threads.whole = false;
  return threads;
}

std::optional<std::int64_t> Processes::pid(std::uint64_t process, Notes& notes) {
  return noted(pid_.read_signed(evidence_, process), notes, "a process's pid");
}

std::optional<std::string> Processes::name(std::uint64_t process, Notes& notes) {
  return noted(name_.text(evidence_, process), notes, "a process's name");
}

bool Processes::is_kernel_process(std::uint64_t process) {
  const auto flags = flags_.read(evidence_, process);
  return flags && (*flags & flag_kernel) != 0;
}

std::optional<std::uint64_t> Processes::page_table_root(std::uint64_t process, Notes& notes) {
  if (evidence_.memory().machine().architecture != Architecture::x86_64 ||
      is_kernel_process(process))
    return std::nullopt;
  const auto space = noted(space_.read(evidence_, process), notes, "a process's memory");
  if (!space || *space == 0) return std::nullopt;
  return noted(root_.read(evidence_, *space), notes, "a process's page tables");
}

std::optional<std::int64_t> Processes::tid(std::uint64_t thread, Notes& notes) {
  return noted(tid_.read_signed(evidence_, thread), notes, "a thread's tid");
}

std::optional<std::string> Processes::thread_name(std::uint64_t thread, Notes& notes) {
  return noted(thread_name_.text(evidence_, thread), notes, "a thread's name");
}

std::optional<std::int64_t> Processes::parent_of(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's parent";
  // p_pptr leads to the debugger of a process that is traced. Until FreeBSD 12.0 the other is 0 for
  // those that are not.
  if (real_parent_.exists(evidence_)) {
    const auto real = noted(real_parent_.read_signed(evidence_, process), notes, what);
    if (!real || *real != 0) return real;
  }
  const auto parent = noted(parent_.read(evidence_, process), notes, what);
  if (!parent) return std::nullopt;
  return *parent == 0 ? 0 : pid(*parent, notes);
}

Process Processes::read_process(std::uint64_t address, bool zombie,
                                std::vector<std::uint64_t>& found, Notes& notes) {
  Process process;
  process.address = address;
  process.pid = pid(address, notes);
  process.name = name(address, notes);
  ThreadList threads = threads_of(address, notes);
  if (threads.whole) process.threads = threads.addresses.size();
  found = std::move(threads.addresses);
  if (zombie) process.state = "zombie";
  if (!evidence_.knows_structures()) return process;

  process.ppid = parent_of(address, notes);
  if (const auto cred = noted(credentials_.read(evidence_, address), notes, "a process's user");
      cred && *cred != 0)
    if (const auto uid = noted(user_.read(evidence_, *cred), notes, "a process's user"))
      process.uid = static_cast<std::int64_t>(*uid);
  process.page_table_root = page_table_root(address, notes);
  const auto state = noted(state_.read(evidence_, address), notes, "a process's state");
  if (state == process_zombie)
    process.state = "zombie";
  else if (state == process_new)
    process.state = "new";
  else if (state && *state != process_normal)
    notes.add(Note{ErrorCode::corrupt, fmt::format("a process's state is {}", *state), address});
  else if (state && !zombie && !found.empty())
    process.state = thread_state(found.front(), address, notes);
  return process;
}

std::optional<std::string> Processes::thread_state(std::uint64_t thread, std::uint64_t process,
                                                   Notes& notes) {
  const auto state = noted(thread_state_.read(evidence_, thread), notes, "a thread's state");
  if (!state) return std::nullopt;
  switch (*state) {
    case inactive:
      return "new";
    case can_run:
    case queued:
    case runs:
      return "running";
    case inhibited:
      break;
    default:
      notes.add(Note{ErrorCode::corrupt, fmt::format("a thread's state is {}", *state), thread});
      return std::nullopt;
  }
  const auto why = noted(inhibitors_.read(evidence_, thread), notes, "why a thread does not run");
  if (!why) return std::nullopt;
  if ((*why & inhibited_suspended) != 0) {
    const auto flags = noted(flags_.read(evidence_, process), notes, "a process's flags");
    const bool traced = flags && (*flags & flag_traced) != 0 &&
                        (*flags & (flag_stopped_by_tracer | flag_stopped_by_signal)) != 0;
    return traced ? "traced" : "stopped";
  }
  if ((*why & inhibited_lock) != 0) return "locked";
  if ((*why & inhibited_interrupt) != 0) return "idle";
  if ((*why & (inhibited_sleeping | inhibited_swapped)) != 0) {
    const auto flags = noted(thread_flags_.read(evidence_, thread), notes, "a thread's flags");
    if (!flags) return std::nullopt;
    return (*flags & flag_interruptible) != 0 ? "sleeping" : "uninterruptible";
  }
  notes.add(Note{ErrorCode::corrupt,
                 fmt::format("a thread is kept from running, but {:#x} is no reason", *why),
                 thread});
  return std::nullopt;
}

std::optional<std::uint64_t> Processes::cpu_of(std::uint64_t thread, Notes& notes) {
  // NOCPU: an int since FreeBSD 11; before, a byte behind td_lastcpu, not aligned as an int.
  const auto member = on_cpu_.member(evidence_);
  if (!member) {
    notes.add(member.error().within("a thread's processor"));
    return std::nullopt;
  }
  const std::uint64_t size = member->offset % 4 != 0 ? 1 : member->size;
  const auto cpu = evidence_.memory().integer(thread + member->offset, size);
  if (!cpu) {
    notes.add(cpu.error().within("a thread's processor"));
    return std::nullopt;
  }
  if (*cpu == (size == 1 ? 0xff : 0xffffffff)) return std::nullopt;
  const auto last = evidence_.variable("mp_maxid", 4);
  if (*cpu >= most_cpus || (last && *cpu > *last)) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("a thread's processor is {}: there is none of that number", *cpu),
                   thread});
    return std::nullopt;
  }
  return *cpu;
}

std::optional<std::uint64_t> Processes::pcb(std::uint64_t thread, Notes& notes) {
  return noted(pcb_.read(evidence_, thread), notes, "a thread's registers");
}

std::optional<double> Processes::seconds(std::uint64_t cpu_ticks, Notes& notes) {
  if (!tick_rate_) {
    const auto rate = evidence_.variable("cpu_tick_frequency", 8);
    tick_rate_ = rate ? *rate : 0;
    if (!rate)
      notes.add(rate.error().within("run times are not known"));
    else if (*rate == 0)
      notes.add(Note{ErrorCode::corrupt,
                     "run times are not known: cpu_tick_frequency, the rate that they are counted "
                     "in, is 0",
                     std::nullopt});
  }
  if (*tick_rate_ == 0) return std::nullopt;
  return static_cast<double>(cpu_ticks) / static_cast<double>(*tick_rate_);
}

std::optional<std::string> Processes::text_at(const Field& pointer, std::uint64_t holder,
                                              std::string_view what, Notes& notes) {
  const auto at = noted(pointer.read(evidence_, holder), notes, what);
  if (!at || *at == 0) return std::nullopt;
  return noted(evidence_.memory().string(*at, longest_message), notes, what);
}

void Processes::read_scheduling(std::uint64_t address, Thread& thread, Notes& notes) {
  if (const auto value = noted(priority_.read(evidence_, address), notes, "a thread's priority"))
    thread.priority = static_cast<std::int64_t>(*value);
  if (const auto value = noted(class_.read(evidence_, address), notes, "a thread's class"))
    thread.policy = class_name(*value);
  if (const auto last = noted(last_cpu_.read_signed(evidence_, address), notes,
                              "the processor that a thread ran on last");
      last && *last >= 0 && *last < static_cast<std::int64_t>(most_cpus))
    thread.last_cpu = *last;
  if (const auto ticks = noted(run_time_.read(evidence_, address), notes, "how long a thread ran"))
    thread.run_time = seconds(*ticks, notes);
  if (const auto channel =
          noted(channel_.read(evidence_, address), notes, "what a thread sleeps on");
      channel && *channel != 0)
    thread.wait_channel = *channel;
  thread.wait_message = text_at(message_, address, "why a thread sleeps", notes);
  if (!thread.wait_message)
    thread.wait_message = text_at(lock_name_, address, "the lock that a thread waits for", notes);
  const auto stack = noted(stack_.read(evidence_, address), notes, "a thread's kernel stack");
  const auto pages = noted(stack_pages_.read(evidence_, address), notes, "a thread's kernel stack");
  if (!stack || !pages || *stack == 0 || *pages == 0) return;
  const std::uint64_t size = *pages * evidence_.memory().machine().page_size;
  if (*pages > most_stack_pages || *stack > UINT64_MAX - size) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("a thread's kernel stack has {} pages at {:#x}", *pages, *stack),
                   address});
    return;
  }
  thread.stack_low = *stack;
  thread.stack_high = *stack + size;
}

Thread Processes::read_thread(std::uint64_t address, std::uint64_t process, Notes& notes) {
  Thread thread;
  thread.address = address;
  thread.process_address = process;
  thread.tid = tid(address, notes);
  thread.name = thread_name(address, notes);
  if (const auto cpu = cpu_of(address, notes))
    thread.cpu = static_cast<std::int64_t>(*cpu), thread.state = "running";
  if (!evidence_.knows_structures()) return thread;
  thread.state = thread_state(address, process, notes);
  read_scheduling(address, thread, notes);
  return thread;
}

}  // namespace panicroom::freebsd
