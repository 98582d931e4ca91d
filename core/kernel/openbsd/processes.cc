#include "core/kernel/openbsd/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/loop_guard.h"
#include "core/kernel/lists.h"
#include "core/kernel/openbsd/thread_registers.h"

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t smallest_object = 256;  // a struct process or proc has over 500 bytes
constexpr std::uint64_t least_objects = 1024;   // that are looked for, however small the dump is
constexpr std::uint64_t most_objects_ever = 1U << 22U;

// sys/sys/proc.h, the same from 6.5 to 7.6: p_stat, P_* and PS_*.
enum ThreadState : std::uint64_t {
  being_made = 1,
  can_run = 2,
  asleep = 3,
  stopped = 4,
  gone = 6,
  on_processor = 7
};
constexpr std::uint64_t flag_interruptible = 0x80;                   // P_SINTR
constexpr std::uint64_t flag_traced = 0x200, flag_system = 0x10000,  // PS_TRACED, PS_SYSTEM
    flag_embryo = 0x20000, flag_zombie = 0x40000;                    // PS_EMBRYO, PS_ZOMBIE

}  // namespace

Processes::Processes(Evidence& evidence)
    : evidence_(evidence),
      most_listed_(std::clamp(evidence.memory_present() / smallest_object, least_objects,
                              most_objects_ever)) {}

Result<void> Processes::walk(std::string_view head, const std::function<bool(std::uint64_t)>& visit,
                             Notes& notes) {
  PANICROOM_TRY(link, list_.member(evidence_));
  PANICROOM_TRY(at, evidence_.address_of(head));
  // A LIST_HEAD is one pointer: a head that cannot be read is no list.
  PANICROOM_CHECK(evidence_.memory().word(at));
  for_each_listed(evidence_, at, link.offset, most_listed_, fmt::format("the list {}", head), notes,
                  visit);
  return {};
}

Result<void> Processes::each(const std::function<bool(std::uint64_t, bool)>& visit, Notes& notes) {
  bool go_on = true;
  std::uint64_t found = 0;
  const auto show = [&](std::uint64_t process, bool zombie) {
    ++found;
    const auto number = pid_.read(evidence_, process);
    if (!number && !name_.text(evidence_, process)) {
      notes.add(number.error().within("a process is left out"));
      return true;
    }
    return go_on = visit(process, zombie);
  };
  PANICROOM_CHECK(walk(
      "allprocess", [&](std::uint64_t at) { return show(at, false); }, notes));
  if (!go_on) return {};
  if (const auto walked = walk(
          "zombprocess", [&](std::uint64_t at) { return show(at, true); }, notes);
      !walked)
    notes.add(walked.error().within("the zombies are not known"));
  // nprocesses counts both lists, kernel processes too (sys/kern/kern_fork.c).
  if (const auto said = evidence_.variable("nprocesses", 4); go_on && said && *said != found)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("the kernel counts {} processes, but {} were found", *said, found),
                   std::nullopt});
  return {};
}

bool Processes::thread_can_be_read(std::uint64_t thread, Notes& notes) {
  const auto number = tid_.read(evidence_, thread);
  if (!number) notes.add(number.error().within("a thread is left out"));
  return number.has_value();
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

std::optional<std::int64_t> Processes::tid(std::uint64_t thread, Notes& notes) {
  return noted(tid_.read_signed(evidence_, thread), notes, "a thread's tid");
}

bool Processes::is_kernel_process(std::uint64_t process) {
  const auto flags = flags_.read(evidence_, process);
  return flags && (*flags & flag_system) != 0;
}

std::optional<std::uint64_t> Processes::page_table_root(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's page tables";
  if (is_kernel_process(process)) return std::nullopt;
  const auto space = noted(space_.read(evidence_, process), notes, what);
  if (!space || *space == 0) return std::nullopt;
  const auto map = noted(map_.read(evidence_, *space), notes, what);
  if (!map || *map == 0) return std::nullopt;
  return noted(root_.read(evidence_, *map), notes, what);
}

bool Processes::four_levels(std::uint64_t process) {
  const auto space = space_.read(evidence_, process);
  const auto map = space && *space != 0 ? map_.read(evidence_, *space) : space;
  const auto has = map && *map != 0 ? levels_.read(evidence_, *map) : map;
  return has && *has != 0;
}

std::optional<std::int64_t> Processes::parent_of(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's parent";
  // The number is kept beside the pointer since 7.x; process 0 has no parent.
  const auto parent = noted(parent_.read(evidence_, process), notes, what);
  if (!parent) return std::nullopt;
  if (*parent == 0) return 0;
  if (parent_pid_.exists(evidence_))
    return noted(parent_pid_.read_signed(evidence_, process), notes, what);
  return pid(*parent, notes);
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

/// As the kernel answers ps(1) for a whole process (sys/kern/kern_sysctl.c, fill_kproc): a thread
/// that runs counts more than one that is stopped, and that more than one that sleeps.
std::optional<std::string> Processes::process_state(std::uint64_t process,
                                                    const std::vector<std::uint64_t>& threads,
                                                    Notes& notes) {
  const auto flags = noted(flags_.read(evidence_, process), notes, "a process's flags");
  if (flags && (*flags & flag_zombie) != 0) return "zombie";
  if (flags && (*flags & flag_embryo) != 0) return "new";
  constexpr std::array<std::string_view, 6> by_weight = {"running",  "stopped",         "traced",
                                                         "sleeping", "uninterruptible", "new"};
  std::optional<std::string> heaviest;
  auto weight = by_weight.end();
  for (const std::uint64_t thread : threads) {
    auto state = thread_state(thread, process, notes);
    if (!state) continue;
    const auto its = std::find(by_weight.begin(), by_weight.end(), *state);
    // Which kind of sleep is that of the first thread that sleeps.
    const auto rank = its == by_weight.begin() + 4 ? its - 1 : its;
    if (heaviest && rank >= weight) continue;
    weight = rank;
    heaviest = std::move(state);
  }
  return heaviest;
}

std::optional<std::string> Processes::thread_state(std::uint64_t thread, std::uint64_t process,
                                                   Notes& notes) {
  const auto state = noted(state_.read(evidence_, thread), notes, "a thread's state");
  if (!state) return std::nullopt;
  switch (*state) {
    case being_made:
      return "new";
    case can_run:
    case on_processor:
      return "running";
    case gone:
      return "dead";
    case stopped: {
      const auto flags = noted(flags_.read(evidence_, process), notes, "a process's flags");
      return flags && (*flags & flag_traced) != 0 ? "traced" : "stopped";
    }
    case asleep: {
      const auto flags = noted(thread_flags_.read(evidence_, thread), notes, "a thread's flags");
      if (!flags) return std::nullopt;
      return (*flags & flag_interruptible) != 0 ? "sleeping" : "uninterruptible";
    }
    default:
      notes.add(Note{ErrorCode::corrupt, fmt::format("a thread's state is {}", *state), thread});
      return std::nullopt;
  }
}

std::optional<std::string> Processes::thread_name(std::uint64_t thread, Notes& notes) {
  if (!thread_name_.exists(evidence_)) return std::nullopt;
  auto own = noted(thread_name_.text(evidence_, thread), notes, "a thread's name");
  if (own && own->empty()) return std::nullopt;
  return own;
}

void Processes::read_scheduling(std::uint64_t address, Thread& thread, Notes& notes) {
  // The kernel's own numbers: of one that sleeps the priority that it will wake with.
  const bool sleeps = thread.state == "sleeping" || thread.state == "uninterruptible";
  const Field& priority =
      sleeps && sleep_priority_.exists(evidence_) ? sleep_priority_ : run_priority_;
  if (const auto value = noted(priority.read(evidence_, address), notes, "a thread's priority"))
    thread.priority = static_cast<std::int64_t>(*value);
  thread.run_time = run_time(address, notes);
  // p_wchan is null and p_wmesg an old one where it does not sleep.
  const auto channel = noted(channel_.read(evidence_, address), notes, "what a thread sleeps on");
  if (!channel || *channel == 0) return;
  thread.wait_channel = *channel;
  thread.wait_message = text_behind(evidence_, message_, address, "why a thread sleeps", notes);
}

/// Until 7.3 what it ran since its times were last added up is kept apart.
std::optional<double> Processes::run_time(std::uint64_t thread, Notes& notes) {
  constexpr std::string_view what = "how long a thread ran";
  const auto seconds = [&](const Field& whole, const Field& part) -> std::optional<double> {
    const auto at = noted(whole.read_signed(evidence_, thread), notes, what);
    const auto beyond = noted(part.read_signed(evidence_, thread), notes, what);
    if (!at || !beyond) return std::nullopt;
    return static_cast<double>(*at) + static_cast<double>(*beyond) * 1e-9;
  };
  auto sum = seconds(run_seconds_, run_nanoseconds_);
  if (!sum || !new_seconds_.exists(evidence_)) return sum;
  const auto more = seconds(new_seconds_, new_nanoseconds_);
  if (!more) return std::nullopt;
  return *sum + *more;
}

void Processes::read_stack(std::uint64_t address, Thread& thread, Notes& notes) {
  const std::uint64_t size = size_of_user_area(evidence_.memory().machine().architecture);
  const auto area = noted(user_area_.read(evidence_, address), notes, "a thread's kernel stack");
  if (size == 0 || !area || *area == 0) return;
  if (*area > UINT64_MAX - size) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("a thread's kernel stack lies at {:#x}", *area),
                   address});
    return;
  }
  thread.stack_low = *area;
  thread.stack_high = *area + size;
}

Thread Processes::read_thread(std::uint64_t address, std::uint64_t process, Notes& notes) {
  Thread thread;
  thread.address = address;
  thread.process_address = process;
  thread.tid = tid(address, notes);
  thread.name = thread_name(address, notes);
  thread.state = thread_state(address, process, notes);
  read_scheduling(address, thread, notes);
  read_stack(address, thread, notes);
  return thread;
}

}  // namespace panicroom::openbsd
