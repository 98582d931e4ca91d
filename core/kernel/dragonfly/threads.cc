#include "core/kernel/dragonfly/threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/kernel/dragonfly/registers.h"
#include "core/kernel/lists.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::size_t longest_message = 64;         // of a wait; the kernel's own have under 20
constexpr std::uint64_t largest_stack = 1U << 20U;  // bytes; LWKT_THREAD_STACK is 16 KiB
constexpr std::uint64_t size_of_thread = 1024;      // bytes, at least
constexpr std::uint64_t microseconds = 1000000;     // td_uticks and so on: kern_resource.c

// enum lwpstat, sys/sys/proc_common.h; LWP_*, sys/sys/proc.h; TDF_*, sys/sys/thread.h.
enum LwpState : std::uint64_t { can_run = 1, stopped = 2, sleeping = 3 };
constexpr std::uint64_t lwp_interruptible = 0x8, lwp_on_run_queue = 0x1;
constexpr std::uint64_t is_running = 0x1, on_run_queue = 0x2, interruptible = 0x40,
                        is_marker = 0x2000, of_interrupts = 0x10000;

// RTP_PRIO_*, sys/sys/rtprio.h; 4 is added for first in, first out.
constexpr std::array<std::string_view, 8> class_names = {"realtime", "timeshare", "idle", "",
                                                         "fifo",     "",          "",     ""};

}  // namespace

Threads::Threads(Evidence& evidence, Notes& notes) : evidence_(evidence) {
  if (auto found = noted(processors(evidence, notes), notes, "which threads were running"))
    cpus_ = *std::move(found);
  crashed_ = noted(evidence.pointer("dumpthread"), notes,
                   "the thread on which the kernel died is not known");
}

const Cpu* Threads::cpu_of(std::uint64_t thread, Notes& notes) const {
  const auto globaldata = noted(globaldata_.read(evidence_, thread), notes, "a thread's processor");
  if (!globaldata) return nullptr;
  const auto found = std::find_if(cpus_.begin(), cpus_.end(),
                                  [&](const Cpu& cpu) { return cpu.globaldata == *globaldata; });
  if (found != cpus_.end()) return &*found;
  if (!cpus_.empty())
    notes.add(Note{ErrorCode::corrupt, "a thread is of a processor that there is not", thread});
  return nullptr;
}

bool Threads::runs(std::uint64_t thread, const Cpu* cpu) const {
  return cpu != nullptr && cpu->current == thread;
}

std::optional<std::string> Threads::state(std::uint64_t thread, Notes& notes) {
  const auto flags = noted(flags_.read(evidence_, thread), notes, "a thread's state");
  if (!flags) return std::nullopt;
  if ((*flags & (on_run_queue | is_running)) != 0) return "running";
  if ((*flags & of_interrupts) != 0) return "idle";
  return (*flags & interruptible) != 0 ? "sleeping" : "uninterruptible";
}

/// As fill_kinfo_lwp (sys/kern/kern_kinfo.c): one that could run, but is on no run queue, sleeps.
std::optional<std::string> Threads::state_of_lwp(std::uint64_t lwp, Notes& notes) {
  constexpr std::string_view what = "a thread's state";
  const auto state = noted(lwp_state_.read(evidence_, lwp), notes, what);
  if (!state) return std::nullopt;
  if (*state == stopped) return "stopped";
  if (*state != can_run && *state != sleeping) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("a thread's state is {}", *state), lwp});
    return std::nullopt;
  }
  const auto thread = noted(thread_.read(evidence_, lwp), notes, what);
  if (!thread || *thread == 0) return std::nullopt;
  const auto flags = noted(flags_.read(evidence_, *thread), notes, what);
  if (!flags) return std::nullopt;
  if (*state == can_run) {
    const auto more = noted(lwp_more_flags_.read(evidence_, lwp), notes, what);
    if ((*flags & (on_run_queue | is_running)) != 0 || (more && (*more & lwp_on_run_queue) != 0))
      return "running";
  }
  const auto own = noted(lwp_flags_.read(evidence_, lwp), notes, what);
  const bool can_wake = (*flags & interruptible) != 0 || (own && (*own & lwp_interruptible) != 0);
  return can_wake ? "sleeping" : "uninterruptible";
}

std::optional<Registers> Threads::registers_of(const Cpu& cpu, bool died, Notes& notes) {
  constexpr std::string_view what = "a processor's registers";
  if (died) {
    const auto own = noted(evidence_.address_of("dumppcb"), notes, what);
    return own ? noted(read_pcb(evidence_, *own), notes, what) : std::nullopt;
  }
  const auto first = noted(evidence_.address_of("stoppcbs"), notes, what);
  const auto size = noted(evidence_.size_of("pcb"), notes, what);
  if (!first || !size) return std::nullopt;
  return noted(read_pcb(evidence_, *first + cpu.number * *size), notes, what);
}

std::optional<Registers> Threads::registers(std::uint64_t thread, const Cpu* cpu, Notes& notes) {
  constexpr std::string_view what = "a thread's registers";
  const bool died = crashed_ && *crashed_ == thread;
  if (died || runs(thread, cpu)) return registers_of(cpu != nullptr ? *cpu : Cpu{}, died, notes);
  const auto sp = noted(sp_.read(evidence_, thread), notes, what);
  const auto pcb = noted(pcb_.read(evidence_, thread), notes, what);
  if (!sp || !pcb || *sp == 0) return std::nullopt;
  return noted(switched_out(evidence_, *sp, *pcb), notes, what);
}

void Threads::read_stack(std::uint64_t address, Thread& thread, Notes& notes) {
  constexpr std::string_view what = "a thread's kernel stack";
  const auto stack = noted(stack_.read(evidence_, address), notes, what);
  const auto size = noted(stack_size_.read(evidence_, address), notes, what);
  if (!stack || !size || *stack == 0 || *size == 0) return;
  if (*size > largest_stack || *stack > UINT64_MAX - *size) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("a thread's kernel stack has {} bytes at {:#x}", *size, *stack),
                   address});
    return;
  }
  thread.stack_low = *stack;
  thread.stack_high = *stack + *size;
}

Thread Threads::read(std::uint64_t address, Notes& notes) {
  Thread thread;
  thread.address = address;
  thread.name = noted(name_.text(evidence_, address), notes, "a thread's name");
  const Cpu* cpu = cpu_of(address, notes);
  if (cpu != nullptr) thread.last_cpu = static_cast<std::int64_t>(cpu->number);
  if (runs(address, cpu)) thread.cpu = thread.last_cpu;
  if (crashed_) thread.crashed = *crashed_ == address;
  thread.priority = noted(priority_.read_signed(evidence_, address), notes, "a thread's priority");
  if (const auto channel =
          noted(channel_.read(evidence_, address), notes, "what a thread sleeps on");
      channel && *channel != 0)
    thread.wait_channel = *channel;
  if (const auto message = noted(message_.read(evidence_, address), notes, "why a thread sleeps");
      message && *message != 0)
    thread.wait_message =
        noted(evidence_.memory().string(*message, longest_message), notes, "why a thread sleeps");
  const auto user = user_time_.read(evidence_, address);
  const auto system = system_time_.read(evidence_, address);
  const auto interrupt = interrupt_time_.read(evidence_, address);
  if (user && system && interrupt)
    thread.run_time = (static_cast<double>(*user) + static_cast<double>(*system) +
                       static_cast<double>(*interrupt)) /
                      static_cast<double>(microseconds);
  read_stack(address, thread, notes);
  if (auto saved = registers(address, cpu, notes)) thread.registers = *std::move(saved);
  return thread;
}

Thread Threads::of_lwp(std::uint64_t lwp, Notes& notes) {
  const auto address = noted(thread_.read(evidence_, lwp), notes, "a thread");
  Thread thread;
  if (address && *address != 0) thread = read(*address, notes);
  thread.tid = noted(tid_.read_signed(evidence_, lwp), notes, "a thread's tid");
  thread.state = state_of_lwp(lwp, notes);
  if (const auto number = noted(class_.read(evidence_, lwp), notes, "a thread's class");
      number && *number < class_names.size())
    if (const auto name = class_names[static_cast<std::size_t>(*number)]; !name.empty())
      thread.policy = std::string(name);
  return thread;
}

bool Threads::each_of_kernel(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  constexpr std::string_view what = "a processor's list of threads";
  const auto link = noted(listed_.member(evidence_), notes, what);
  if (!link) return true;
  std::uint64_t left = most_objects(evidence_, size_of_thread);
  for (const Cpu& cpu : cpus_) {
    const auto head = noted(all_threads_.place(evidence_, cpu.globaldata), notes, what);
    if (!head) continue;
    const bool go_on = for_each_listed(
        evidence_, *head, link->offset, left, what, notes, [&](std::uint64_t address) {
          if (left != 0) --left;
          const auto flags = noted(flags_.read(evidence_, address), notes, "a thread is left out");
          const auto lwp = noted(lwp_.read(evidence_, address), notes, "a thread is left out");
          if (!flags || !lwp || *lwp != 0 || (*flags & is_marker) != 0) return true;
          Thread thread = read(address, notes);
          thread.state = address == cpu.idle_thread ? std::optional<std::string>("idle")
                                                    : state(address, notes);
          if ((*flags & of_interrupts) != 0) thread.policy = "interrupt";
          return visit(thread);
        });
    if (!go_on) return false;
  }
  return true;
}

}  // namespace panicroom::dragonfly
