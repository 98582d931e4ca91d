#include "core/kernel/illumos/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/base/loop_guard.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t smallest_object = 512;  // a proc_t or kthread_t has over 512 bytes
constexpr std::uint64_t least_objects = 1024;   // that are looked for, however small the dump is
constexpr std::uint64_t most_objects_ever = 1U << 22U;
constexpr std::uint64_t most_cpus = 4096;  // NCPU is 256
constexpr std::uint64_t most_classes = 256;
constexpr std::size_t longest_name = 64;
constexpr std::uint64_t largest_stack = 1U << 20;  // bytes of a thread's kernel stack

// uts/common/sys/proc.h.
enum ProcessState : std::uint64_t { process_zombie = 3, process_new = 5, last_process_state = 7 };
constexpr std::uint64_t flag_system = 1;  // SSYS
// uts/common/sys/thread.h.
enum ThreadState : std::uint64_t {
  at_loose_ends = 0,
  sleeps = 1,
  runnable = 2,
  on_processor = 4,
  dead = 8,
  stopped = 16,
  held_back = 32
};
constexpr std::uint64_t flag_interrupts = 1, flag_wakeable = 2;  // T_INTR_THREAD, T_WAKEABLE
// uts/common/sys/sobject.h: SOBJ_*.
constexpr std::array<std::string_view, 8> object_kinds = {
    "",          "mutex",     "readers/writer lock", "condition variable",
    "semaphore", "user lock", "user lock",           "door"};
constexpr std::size_t first_lock = 1, last_lock = 2;
// uts/common/sys/msacct.h: the micro-states in an array of hrtime_t.
constexpr std::uint64_t state_user = 0, state_system = 1, state_trap = 2, size_of_hrtime = 8;

}  // namespace

Processes::Processes(Evidence& evidence)
    : evidence_(evidence),
      most_listed_(std::clamp(evidence.memory_present() / smallest_object, least_objects,
                              most_objects_ever)) {}

Result<void> Processes::each(const std::function<bool(std::uint64_t)>& visit, Notes& notes) {
  PANICROOM_TRY(link, next_.member(evidence_));
  PANICROOM_TRY(first, evidence_.pointer("practive"));
  VisitOnce guard(most_listed_);
  std::uint64_t process = first;
  while (process != 0) {
    if (!guard.step(process)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic() ? "the list of processes (practive) is a cycle"
                                    : "the list of processes (practive) is longer than the memory "
                                      "in the dump",
                     process});
      return {};
    }
    // The next link is read first: a proc_t that cannot be read ends the walk, not the answer.
    const auto next = evidence_.memory().word(process + link.offset);
    if (!next) {
      notes.add(next.error().within("the list of processes (practive) breaks off"));
      return {};
    }
    if (!visit(process)) return {};
    process = *next;
  }
  return {};
}

void Processes::own_ring(std::uint64_t process, ThreadList& threads, Notes& notes) {
  const auto first = threads_.read(evidence_, process);
  const auto link = forward_.member(evidence_);
  const auto broken = [&](Note note) {
    notes.add(std::move(note));
    threads.whole = false;
  };
  if (!first || !link)
    return broken(
        note_of((!first ? first.error() : link.error()).within("a process's ring of threads")));
  std::uint64_t thread = *first;
  while (thread != 0) {
    const bool full = seen_.size() == most_listed_;
    if (full || !seen_.insert(thread).second)
      return broken(
          Note{ErrorCode::corrupt,
               full ? "there are more threads than fit into the memory in the dump"
                    : "a process's ring of threads comes to a thread that was already on one",
               thread});
    const auto next = evidence_.memory().word(thread + link->offset);
    if (!next)
      return broken(note_of(next.error().within("a process's ring of threads breaks off")));
    threads.addresses.push_back(thread);
    if (*next == *first) return;
    thread = *next;
  }
  if (*first != 0)
    broken(Note{ErrorCode::corrupt, "a process's ring of threads does not close", *first});
}

void Processes::all_ring(Notes& notes) {
  if (of_all_) return;
  of_all_.emplace();
  all_whole_ = false;
  constexpr std::string_view what = "the ring of all threads (allthreads)";
  const auto link = next_of_all_.member(evidence_);
  const auto first = evidence_.pointer("allthreads");
  if (!link || !first) {
    notes.add((!link ? link.error() : first.error())
                  .within("the kernel's own threads, which are on no process's ring"));
    return;
  }
  VisitOnce guard(most_listed_);
  std::uint64_t thread = *first;
  while (thread != 0) {
    if (!guard.step(thread)) {
      notes.add(
          Note{ErrorCode::corrupt, fmt::format("{} does not lead back to its head", what), thread});
      return;
    }
    const auto next = evidence_.memory().word(thread + link->offset);
    const auto process = owner_.read(evidence_, thread);
    if (!next || !process) {
      notes.add((!next ? next : process).error().within(fmt::format("{} breaks off", what)));
      return;
    }
    (*of_all_)[*process].push_back(thread);
    thread = *next;
    all_whole_ = thread == *first;
    if (all_whole_) return;
  }
  notes.add(Note{ErrorCode::corrupt, fmt::format("{} does not close", what), std::nullopt});
}

Processes::ThreadList Processes::threads_of(std::uint64_t process, Notes& notes) {
  ThreadList threads;
  own_ring(process, threads, notes);
  all_ring(notes);
  const auto more = of_all_->find(process);
  if (more != of_all_->end())
    for (const std::uint64_t thread : more->second)
      if (seen_.size() < most_listed_ && seen_.insert(thread).second)
        threads.addresses.push_back(thread);
  // A process of the kernel's may have threads that only the ring of all has.
  if (!all_whole_ && is_kernel_process(process)) threads.whole = false;
  return threads;
}

std::optional<std::int64_t> Processes::pid(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's pid";
  const auto id = noted(id_.read(evidence_, process), notes, what);
  if (!id || *id == 0) return std::nullopt;
  return noted(id_number_.read_signed(evidence_, *id), notes, what);
}

std::optional<std::string> Processes::name(std::uint64_t process, Notes& notes) {
  return noted(name_.text(evidence_, process), notes, "a process's name");
}

bool Processes::is_kernel_process(std::uint64_t process) {
  const auto flags = flags_.read(evidence_, process);
  return flags && (*flags & flag_system) != 0;
}

std::optional<std::int64_t> Processes::tid(std::uint64_t thread, Notes& notes) {
  const auto id = noted(tid_.read_signed(evidence_, thread), notes, "a thread's tid");
  if (!id || *id != 0) return id;
  if (!did_.exists(evidence_)) return id;
  const auto own = noted(did_.read(evidence_, thread), notes, "a thread's tid");
  return own ? std::optional(static_cast<std::int64_t>(*own)) : std::nullopt;
}

std::optional<std::string> Processes::thread_name(std::uint64_t thread,
                                                  const std::optional<std::string>& process,
                                                  Notes& notes) {
  constexpr std::string_view what = "a thread's name";
  // Threads have names of their own since 2018.
  if (thread_name_.exists(evidence_)) {
    const auto at = noted(thread_name_.read(evidence_, thread), notes, what);
    if (at && *at != 0) {
      auto text = noted(evidence_.memory().string(*at, longest_name), notes, what);
      if (text && !text->empty()) return text;
    }
  }
  const auto lwp = lwp_.read(evidence_, thread);
  if (lwp && *lwp == 0 && evidence_.symbols()) {
    const auto start = start_.read(evidence_, thread);
    const auto symbol =
        start && *start != 0 ? evidence_.symbols()->at(*start) : std::optional<Symbol>();
    if (symbol) return std::string(symbol->name);
  }
  return process;
}

std::optional<std::string> Processes::object_kind(std::uint64_t thread, Notes& notes) {
  constexpr std::string_view what = "what a thread sleeps on";
  const auto operations = noted(objects_.read(evidence_, thread), notes, what);
  if (!operations || *operations == 0) return std::nullopt;
  const auto type = noted(object_type_.read(evidence_, *operations), notes, what);
  if (!type || *type == 0) return std::nullopt;
  if (*type < object_kinds.size())
    return std::string(object_kinds[static_cast<std::size_t>(*type)]);
  notes.add(Note{ErrorCode::corrupt, fmt::format("{}: its type is {}", what, *type), thread});
  return std::nullopt;
}

std::optional<std::string> Processes::thread_state(std::uint64_t thread, Notes& notes) {
  const auto state = noted(thread_state_.read(evidence_, thread), notes, "a thread's state");
  if (!state) return std::nullopt;
  switch (*state) {
    case runnable:
    case on_processor:
      return "running";
    case dead:
      return "zombie";
    case stopped:
      return "stopped";
    case held_back:
      return "waiting";
    case at_loose_ends:
    case sleeps:
      break;
    default:
      notes.add(Note{ErrorCode::corrupt, fmt::format("a thread's state is {}", *state), thread});
      return std::nullopt;
  }
  const auto flags = noted(thread_flags_.read(evidence_, thread), notes, "a thread's flags");
  if (*state == at_loose_ends) {
    if (!flags) return std::nullopt;
    return (*flags & flag_interrupts) != 0 ? "idle" : "new";
  }
  const auto kind = object_kind(thread, notes);
  for (std::size_t lock = first_lock; lock <= last_lock; ++lock)
    if (kind == object_kinds[lock]) return "locked";
  if (!flags) return std::nullopt;
  return (*flags & flag_wakeable) != 0 ? "sleeping" : "uninterruptible";
}

/// A process is what the most active of its threads is, as ps(1) has it (prchoose in
/// uts/common/fs/proc/prsubr.c).
std::optional<std::string> Processes::state_by_threads(const std::vector<std::uint64_t>& threads,
                                                       Notes& notes) {
  constexpr std::array<std::string_view, 8> order = {
      "running", "locked", "uninterruptible", "sleeping", "waiting", "stopped", "idle", "new"};
  std::optional<std::size_t> best;
  for (const std::uint64_t thread : threads) {
    const auto state = thread_state(thread, notes);
    if (!state) continue;
    const auto rank =
        static_cast<std::size_t>(std::find(order.begin(), order.end(), *state) - order.begin());
    if (rank < order.size() && (!best || rank < *best)) best = rank;
    if (best == std::size_t{0}) break;
  }
  return best ? std::optional(std::string(order[*best])) : std::nullopt;
}

Process Processes::read_process(std::uint64_t address, std::vector<std::uint64_t>& found,
                                Notes& notes) {
  Process process;
  process.address = address;
  process.pid = pid(address, notes);
  process.name = name(address, notes);
  process.ppid = noted(parent_.read_signed(evidence_, address), notes, "a process's parent");
  if (const auto cred = noted(credentials_.read(evidence_, address), notes, "a process's user");
      cred && *cred != 0)
    process.uid = noted(user_.read_signed(evidence_, *cred), notes, "a process's user");
  ThreadList threads = threads_of(address, notes);
  if (threads.whole) process.threads = threads.addresses.size();
  found = std::move(threads.addresses);
  const auto state = noted(state_.read(evidence_, address), notes, "a process's state");
  if (state == process_zombie)
    process.state = "zombie";
  else if (state == process_new)
    process.state = "new";
  else if (state && (*state == 0 || *state > last_process_state))
    notes.add(Note{ErrorCode::corrupt, fmt::format("a process's state is {}", *state), address});
  else if (state)
    process.state = state_by_threads(found, notes);
  // uts/i86pc/vm/hat_i86.h; on 32-bit processors the top of the tables is not a page of its own.
  // illumos's own dumps are not read by page tables.
  if (!evidence_.dump().illumos && evidence_.pointer_size() == 8 && state != process_zombie &&
      !is_kernel_process(address) && table_.exists(evidence_) && frame_.exists(evidence_)) {
    const auto space = space_.read(evidence_, address);
    const auto hat = space && *space != 0 ? hat_.read(evidence_, *space) : space;
    const auto table = hat && *hat != 0 ? table_.read(evidence_, *hat) : hat;
    const auto frame = table && *table != 0 ? frame_.read(evidence_, *table) : table;
    const std::uint64_t page = evidence_.memory().machine().page_size;
    if (frame && *frame != 0 && *frame <= UINT64_MAX / page)
      process.page_table_root = *frame * page;
  }
  return process;
}

std::optional<std::int64_t> Processes::cpu_of(std::uint64_t thread, Notes& notes) {
  constexpr std::string_view what = "a thread's processor";
  const auto cpu = noted(cpu_.read(evidence_, thread), notes, what);
  if (!cpu || *cpu == 0) return std::nullopt;
  const auto number = noted(cpu_number_.read_signed(evidence_, *cpu), notes, what);
  if (!number) return std::nullopt;
  if (*number >= 0 && *number < static_cast<std::int64_t>(most_cpus)) return number;
  notes.add(Note{ErrorCode::corrupt, fmt::format("{} is {}", what, *number), thread});
  return std::nullopt;
}

std::optional<std::string> Processes::scheduling_class(std::uint64_t thread, Notes& notes) {
  constexpr std::string_view what = "a thread's scheduling class";
  const auto number = noted(class_.read(evidence_, thread), notes, what);
  if (!number) return std::nullopt;
  if (*number >= most_classes) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("{} is {}", what, *number), thread});
    return std::nullopt;
  }
  const auto known = classes_.find(*number);
  if (known != classes_.end()) return known->second;
  std::optional<std::string>& name = classes_[*number];
  const auto table = noted(evidence_.address_of("sclass"), notes, what);
  const auto size = noted(evidence_.size_of("sclass"), notes, what);
  if (!table || !size) return name;
  const auto at = noted(class_name_.read(evidence_, *table + *number * *size), notes, what);
  if (at && *at != 0) name = noted(evidence_.memory().string(*at, longest_name), notes, what);
  return name;
}

std::optional<double> Processes::seconds_of_ticks(std::uint64_t ticks, Notes& notes) {
  if (!ticks_per_second_) {
    const auto rate = noted(evidence_.variable("hz", 4), notes, "how long a tick of the clock is");
    ticks_per_second_ = rate.value_or(0);
    if (rate && *rate == 0)
      notes.add(
          Note{ErrorCode::corrupt, "hz, the ticks of the clock in a second, is 0", std::nullopt});
  }
  if (*ticks_per_second_ == 0) return std::nullopt;
  return static_cast<double>(ticks) / static_cast<double>(*ticks_per_second_);
}

/// Micro-states are counted in the unit of gethrtime_unscaled(), which is the processor's counter:
/// 2^-27 nsec_scale nanoseconds (uts/i86pc/os/timestamp.c).
std::optional<double> Processes::seconds_in(std::uint64_t times, bool user, Notes& notes) {
  constexpr std::string_view what = "how long a thread or process ran";
  if (!unscaled_second_) {
    unscaled_second_ = 0;
    const auto scale = noted(evidence_.variable("nsec_scale", 4), notes, what);
    if (scale && *scale == 0)
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("{} is not known: nsec_scale, the unit that it is counted in, is "
                                 "0",
                                 what),
                     std::nullopt});
    else if (scale)
      unscaled_second_ = static_cast<double>(*scale) / static_cast<double>(1U << 27U) * 1e-9;
  }
  if (*unscaled_second_ == 0) return std::nullopt;
  const auto in_state = [&](std::uint64_t state) {
    return noted(evidence_.memory().u64(times + state * size_of_hrtime), notes, what);
  };
  if (user) {
    const auto units = in_state(state_user);
    return units ? std::optional(static_cast<double>(*units) * *unscaled_second_) : std::nullopt;
  }
  const auto system = in_state(state_system);
  const auto trap = in_state(state_trap);
  if (!system || !trap) return std::nullopt;
  return (static_cast<double>(*system) + static_cast<double>(*trap)) * *unscaled_second_;
}

std::optional<double> Processes::run_time(std::uint64_t thread, bool user, Notes& notes) {
  const auto lwp = noted(lwp_.read(evidence_, thread), notes, "how long a thread ran");
  if (!lwp || *lwp == 0) return std::nullopt;  // a thread of the kernel's keeps no times
  const auto times = noted(times_.place(evidence_, *lwp), notes, "how long a thread ran");
  return times ? seconds_in(*times, user, notes) : std::nullopt;
}

void Processes::read_scheduling(std::uint64_t address, Thread& thread, Notes& notes) {
  thread.priority = noted(priority_.read_signed(evidence_, address), notes, "a thread's priority");
  thread.policy = scheduling_class(address, notes);
  thread.last_cpu = cpu_of(address, notes);
  const auto user = run_time(address, true, notes);
  const auto system = run_time(address, false, notes);
  if (user && system) thread.run_time = *user + *system;
  if (const auto channel =
          noted(channel_.read(evidence_, address), notes, "what a thread sleeps on");
      channel && *channel != 0)
    thread.wait_channel = *channel;
  thread.wait_message = object_kind(address, notes);
  const auto low = noted(stack_base_.read(evidence_, address), notes, "a thread's kernel stack");
  const auto high = noted(stack_.read(evidence_, address), notes, "a thread's kernel stack");
  if (!low || !high || *low == 0 || *high == 0) return;
  if (*high <= *low || *high - *low > largest_stack) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("a thread's kernel stack lies from {:#x} to {:#x}", *low, *high),
                   address});
    return;
  }
  thread.stack_low = *low;
  thread.stack_high = *high;
}

Thread Processes::read_thread(std::uint64_t address, std::uint64_t process,
                              const std::optional<std::string>& name, Notes& notes) {
  Thread thread;
  thread.address = address;
  thread.process_address = process;
  thread.tid = tid(address, notes);
  thread.name = thread_name(address, name, notes);
  thread.state = thread_state(address, notes);
  read_scheduling(address, thread, notes);
  const auto state = thread_state_.read(evidence_, address);
  if (state && *state == on_processor) thread.cpu = thread.last_cpu;
  return thread;
}

}  // namespace panicroom::illumos
