#include "core/analysis/cause.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace panicroom {
namespace {

constexpr std::uint64_t first_page = 4096;
constexpr std::size_t most_processes = 3;
constexpr std::size_t calls_of_a_recursion = 8;

/// Where kernels point what is no longer to be used.
/// Linux include/linux/poison.h, FreeBSD sys/vm/uma_dbg.c and sys/sys/queue.h.
std::optional<std::string_view> poison(std::uint64_t address) {
  const auto near = [address](std::uint64_t value) { return address - value < first_page; };
  if (near(0xdead000000000000)) return "an element that was already removed from its list";
  if (near(0x6b6b6b6b6b6b6b6b)) return "memory that was already freed (filled with 0x6b)";
  if (near(0x5a5a5a5a5a5a5a5a)) return "memory that was never initialised (filled with 0x5a)";
  if (near(0xdeadc0dedeadc0de)) return "memory that was already freed (filled with 0xdeadc0de)";
  return std::nullopt;
}

std::string who(const Scene& scene) {
  const Call* call = scene.blamed();
  if (call == nullptr) return "the kernel";
  // The blamed one has a name; what was stopped may have none, and is another's then.
  const Call& trapped = scene.calls[scene.culprit.trapped];
  if (!trapped.function.empty() || trapped.frame.pc < first_page || &trapped == call)
    return written(*call);
  return fmt::format("code without a name at {:#x} (called by {})", trapped.frame.pc,
                     written(*call));
}

std::string fault(const Scene& scene) {
  const std::string_view did = scene.access == "write"     ? "wrote to"
                               : scene.access == "execute" ? "jumped to"
                               : scene.access              ? "read from"
                                                           : "used";
  if (!scene.fault_address) return fmt::format("{} used an address that is not known", who(scene));
  const std::uint64_t address = *scene.fault_address;
  if (scene.death == Death::null_call)
    return fmt::format("{} called {:#x}: a null pointer in place of a function", who(scene),
                       address);
  if (address < first_page)
    return fmt::format("{} {} {:#x}: {}a null pointer", who(scene), did, address,
                       address == 0 ? std::string() : fmt::format("{} bytes behind ", address));
  if (const auto what = poison(address))
    return fmt::format("{} {} {:#x}, a pointer from {}", who(scene), did, address, *what);
  if (scene.death == Death::general_protection)
    return fmt::format("{} {} {:#x}, which cannot be an address", who(scene), did, address);
  return fmt::format("{} {} {:#x}, where nothing is mapped", who(scene), did, address);
}

std::string deadlock(const Scene& scene) {
  const auto& cycle = scene.cycles.front();
  std::vector<std::string> waits;
  for (const std::int64_t tid : cycle) {
    const Thread* thread = scene.thread_of(tid);
    const Lock* lock = thread != nullptr ? scene.lock_waited_for(*thread) : nullptr;
    if (lock != nullptr)
      waits.push_back(fmt::format("{} waits for {}", written(*thread), written(*lock)));
  }
  if (cycle.size() == 1) return fmt::format("{}, which it holds itself", fmt::join(waits, ""));
  return fmt::format("{} threads wait for each other: {}, each held by the next", cycle.size(),
                     fmt::join(waits, ", "));
}

std::string hang(const Scene& scene) {
  if (!scene.subject) return "a thread did not run for too long";
  const Thread& thread = scene.threads[*scene.subject];
  std::string text = written(thread) + " waited";
  std::optional<std::uint64_t> seconds;  // as the watchdog said last
  for (const HungThread& hung : scene.words.hung)
    if (hung.tid == thread.tid && hung.seconds) seconds = hung.seconds;
  if (seconds) text += fmt::format(" for more than {} s", *seconds);
  text += fmt::format(" in {}", who(scene));
  const Lock* lock = scene.lock_waited_for(thread);
  if (lock == nullptr) return text;
  text += fmt::format(" for {}", written(*lock));
  const Thread* owner = scene.thread_of(lock->owner_tid);
  if (owner != nullptr)
    text += fmt::format(", which {} holds ({})", written(*owner),
                        owner->state.value_or("state unknown"));
  return text;
}

std::string lack_of_memory(Kernel& kernel, Notes& notes) {
  std::map<std::string, std::uint64_t, std::less<>> counters;
  const auto counted = kernel.memory_counters(
      [&](const MemoryCounter& counter) {
        if (counter.bytes) counters.emplace(counter.name, *counter.bytes);
        return true;
      },
      notes);
  std::string text = "there was no memory left";
  const auto total = counters.find("MemTotal"), unused = counters.find("MemFree");
  if (counted && total != counters.end() && unused != counters.end())
    text += fmt::format(" ({} of {} MiB free)", unused->second >> 20U, total->second >> 20U);

  std::vector<Process> largest;
  ProcessQuery query;
  query.facts = static_cast<std::uint32_t>(ProcessFact::sizes);
  const auto resident = [](const Process& process) { return process.details.resident.value_or(0); };
  const auto walked = kernel.processes(
      query,
      [&](const Process& process) {
        const auto at =
            std::ranges::upper_bound(largest, resident(process), std::greater{}, resident);
        if (resident(process) != 0) largest.insert(at, process);
        if (largest.size() > most_processes) largest.pop_back();
        return true;
      },
      notes);
  if (!walked || largest.empty()) return text;
  std::vector<std::string> users;
  for (const Process& process : largest)
    users.push_back(fmt::format("{} (pid {}) {} MiB", process.name.value_or("?"),
                                process.pid.value_or(-1), resident(process) >> 20U));
  return text + "; most was used by " + fmt::format("{}", fmt::join(users, ", "));
}

/// The function that stands most often in a stack that is full.
std::string overflow(const Scene& scene) {
  std::map<std::string, std::size_t> times;
  for (const Call& call : scene.calls) ++times[written(call)];
  const auto most =
      std::ranges::max_element(times, {}, [](const auto& entry) { return entry.second; });
  const std::string of = scene.subject ? written(scene.threads[*scene.subject]) : "a thread";
  if (most != times.end() && most->second >= calls_of_a_recursion)
    return fmt::format("the kernel stack of {} was full: {} called itself again and again", of,
                       most->first);
  return fmt::format("the kernel stack of {} was full, in {}", of, who(scene));
}

std::string lockup(const Scene& scene) {
  std::string text = who(scene);
  text +=
      scene.words.cpu ? fmt::format(" kept processor {}", *scene.words.cpu) : " kept its processor";
  if (scene.words.seconds) text += fmt::format(" for {} s", *scene.words.seconds);
  const Lock* lock = scene.subject ? scene.lock_waited_for(scene.threads[*scene.subject]) : nullptr;
  if (lock != nullptr && !lock->spinning.empty())
    text += fmt::format(", in a loop for {},", written(*lock));
  return text + (scene.death == Death::hard_lockup ? " with interrupts switched off"
                                                   : " without letting other threads run");
}

std::string with_place(std::string text, const Scene& scene) {
  if (scene.words.place) text += fmt::format(" ({})", *scene.words.place);
  return text;
}

/// The function that freed what was free already: the nearest that is no allocator's.
std::string freed(const Scene& scene) {
  const Call* noticed =
      scene.culprit.trapped < scene.calls.size() ? &scene.calls[scene.culprit.trapped] : nullptr;
  std::string text = fmt::format("{} freed memory that was free already", who(scene));
  if (noticed != nullptr && noticed != scene.blamed())
    text += fmt::format("; {} noticed it", written(*noticed));
  return with_place(std::move(text), scene);
}

}  // namespace

std::string written(const Thread& thread) {
  return fmt::format("{} (tid {})", thread.name.value_or("a thread without a name"),
                     thread.tid ? fmt::format("{}", *thread.tid) : std::string("unknown"));
}

std::string written(const Lock& lock) {
  const std::string kind = lock.kind.value_or("lock");
  return lock.name ? fmt::format("the {} {}", kind, *lock.name)
                   : fmt::format("the {} at {:#x}", kind, lock.address);
}

std::string cause_of(const Scene& scene, Kernel& kernel, Notes& notes) {
  const std::string detail = scene.words.detail.value_or(scene.identity.panic_text.value_or(""));
  switch (scene.death) {
    case Death::null_dereference:
    case Death::null_call:
    case Death::page_fault:
    case Death::general_protection:
      return fault(scene);
    case Death::invalid_instruction:
      return fmt::format("{} ran into an instruction that the processor does not know", who(scene));
    case Death::divide_error:
      return fmt::format("{} divided by zero, or the quotient was too large", who(scene));
    case Death::double_fault:
      return fmt::format("a fault in {} could not be handled because of another", who(scene));
    case Death::stack_overflow:
      return overflow(scene);
    case Death::stack_corruption:
      return fmt::format("{} found its stack overwritten", who(scene));
    case Death::assertion:
      return with_place(fmt::format("an assertion failed in {}", who(scene)), scene);
    case Death::warning:
      return with_place(fmt::format("{} warned, and warnings were made fatal", who(scene)), scene);
    case Death::list_corruption:
      return fmt::format("{} found a damaged list: {}", who(scene), detail);
    case Death::double_free:
      return freed(scene);
    case Death::use_after_free:
      return fmt::format("{} used memory that was already freed", who(scene));
    case Death::soft_lockup:
    case Death::hard_lockup:
    case Death::rcu_stall:
      return lockup(scene);
    case Death::hung_task:
      return hang(scene);
    case Death::deadlock:
      return deadlock(scene);
    case Death::out_of_memory:
      return lack_of_memory(kernel, notes);
    case Death::sysrq:
      return scene.subject ? fmt::format("{} asked for it: a crash by hand",
                                         written(scene.threads[*scene.subject]))
                           : std::string("somebody asked for it: a crash by hand");
    case Death::nmi:
      return fmt::format("a non-maskable interrupt stopped the machine; {} was running",
                         who(scene));
    case Death::running:
      return "the kernel had not died: it was running when the dump was taken";
    case Death::unknown:
      return scene.log_read ? "how it died is not known"
                            : "how it died is not known, for its log could not be read";
    default:
      return detail.empty() ? fmt::format("the kernel gave up in {}", who(scene)) : detail;
  }
}

}  // namespace panicroom
