#include "core/kernel/freebsd/locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/kernel/lock_candidates.h"

namespace panicroom::freebsd {
namespace {

constexpr std::size_t longest_name = 128;

/// The classes by their place in lock_classes (sys/kern/subr_lock.c), which lo_flags has in four
/// bits. Mutexes have an owner or none; the others also readers, which the lowest bit of their word
/// says.
struct LockClass {
  std::string_view kind, structure, word;
  std::uint64_t flags;  ///< of the word, which are not the owner's address
  bool shared;
};
constexpr unsigned class_shift = 24;
constexpr std::size_t class_sx = 2, class_lockmgr = 6;
// Struct threads are aligned to 32 bytes (sys/kern/kern_thread.c), so the fifth bit is never
// theirs, though it is a flag of lockmgr's only since FreeBSD 13. Above the flags are the readers.
constexpr std::uint64_t flag_shared = 1, owner_flags = 0x1f;
// LK_SHARED_WAITERS, LK_EXCLUSIVE_WAITERS.
constexpr std::uint64_t lockmgr_waiters = 0x6;
// LO_INITIALIZED, LO_SLEEPABLE, LO_UPGRADABLE: what lockinit() gives every lock (sys/sys/lock.h).
constexpr std::uint64_t lockmgr_made = 0x310000;
constexpr std::array<LockClass, 7> classes = {{
    {"spin mutex", "mtx", "mtx_lock", 0x7, false},
    {"mutex", "mtx", "mtx_lock", 0x7, false},
    {"sx", "sx", "sx_lock", owner_flags, true},
    {"rm", "", "", 0, false},
    {"sleepable rm", "", "", 0, false},
    {"rw", "rwlock", "rw_lock", owner_flags, true},
    {"lockmgr", "lock", "lk_lock", owner_flags, true},
}};
constexpr std::uint64_t initialized = 0x10000;  // LO_INITIALIZED

/// Functions that wait in a loop while a lock's holder runs, and the class of the lock.
struct Loop {
  std::string_view function;
  std::size_t number;
};
constexpr std::array<Loop, 13> loops = {{
    {"_mtx_lock_spin_cookie", 0},
    {"_thread_lock", 0},
    {"thread_lock_flags_", 0},
    {"__mtx_lock_sleep", 1},
    {"_sx_xlock_hard", class_sx},
    {"_sx_slock_hard", class_sx},
    {"_sx_slock_int", class_sx},
    {"__rw_wlock_hard", 5},
    {"__rw_rlock_hard", 5},
    {"__rw_rlock_int", 5},
    {"lockmgr_xlock_hard", class_lockmgr},
    {"lockmgr_slock_hard", class_lockmgr},
    {"__lockmgr_args", class_lockmgr},
}};
// Above the loop there may be an interrupt and all that panic() called.
constexpr std::size_t frames_looked_at = 48;
}  // namespace

bool LocksReader::is_waited_lockmgr(std::uint64_t channel, std::uint64_t flags,
                                    const Threads& threads) {
  if ((flags & lockmgr_made) != lockmgr_made || (flags >> class_shift & 0xf) != class_lockmgr)
    return false;
  const auto within = evidence_.member("lock", "lock_object");
  const auto word_at = evidence_.member("lock", "lk_lock");
  if (!within || !word_at) return false;
  const auto word = evidence_.field(channel - within->offset, *word_at);
  if (!word || (*word & lockmgr_waiters) == 0) return false;
  // What cannot be read as a lock is none.
  Notes doubts;
  const Lock lock = read_lock(channel, threads, doubts);
  return lock.name && lock.state && doubts.take().empty();
}

bool LocksReader::is_taken(std::uint64_t lock, std::uint64_t number, std::uint64_t by_another_than,
                           const Threads& threads) {
  const LockClass& kind = classes[static_cast<std::size_t>(number)];
  const auto flags = flags_.read(evidence_, lock);
  if (!flags || (*flags >> class_shift & 0xf) != number || (*flags & initialized) == 0)
    return false;
  const auto within = evidence_.member(kind.structure, "lock_object");
  const auto word_at = evidence_.member(kind.structure, kind.word);
  if (!within || !word_at || lock < within->offset) return false;
  const auto word = evidence_.field(lock - within->offset, *word_at);
  if (!word) return false;
  if (kind.shared && (*word & flag_shared) != 0) return *word >> 4 != 0;
  const std::uint64_t owner = *word & ~kind.flags;
  return owner != by_another_than && threads.contains(owner);
}

std::uint64_t LocksReader::spun_for(const Runner& runner, const Threads& threads) {
  if (symbols_ == nullptr) return 0;
  const auto& frames = runner.stack.frames;
  for (std::size_t i = 0; i < std::min(frames_looked_at, frames.size()); ++i) {
    const auto symbol = symbols_->at(frames[i].lookup_address());
    if (!symbol) continue;
    const auto loop = std::ranges::find(loops, symbol->name, &Loop::function);
    if (loop == loops.end()) continue;
    const LockClass& kind = classes[loop->number];
    const auto within = evidence_.member(kind.structure, "lock_object");
    const auto word_at = evidence_.member(kind.structure, kind.word);
    if (!within || !word_at) return 0;
    for (const std::uint64_t at : lock_candidates(evidence_.memory(), runner.thread, runner.stack,
                                                  i, [](std::uint64_t) { return Registers(); }))
      // These functions are given the lock's word or the lock itself.
      for (const std::uint64_t start : {at - word_at->offset, at})
        if (is_taken(start + within->offset, loop->number, runner.thread.address, threads))
          return start + within->offset;
    return 0;
  }
  return 0;
}

std::uint64_t LocksReader::waited_for(std::uint64_t thread, const Threads& threads, Notes& notes) {
  constexpr std::string_view what = "the lock that a thread waits for";
  if (const auto turnstile = noted(blocked_.read(evidence_, thread), notes, what);
      turnstile && *turnstile != 0)
    return noted(turnstile_lock_.read(evidence_, *turnstile), notes, what).value_or(0);
  const auto channel = noted(channel_.read(evidence_, thread), notes, what);
  const auto message = noted(message_.read(evidence_, thread), notes, what);
  if (!channel || !message || *channel == 0 || *message == 0) return 0;
  // A thread sleeps on a lock's lock_object with the lock's own name as its message, unless it gave
  // lockmgr(9) another; on what else it sleeps can be anything.
  const auto name = name_.read(evidence_, *channel);
  const auto flags = flags_.read(evidence_, *channel);
  if (!name || !flags) return 0;
  if (*name != *message) return is_waited_lockmgr(*channel, *flags, threads) ? *channel : 0;
  const std::uint64_t kind = *flags >> class_shift & 0xf;
  return kind == class_sx || kind == class_lockmgr ? *channel : 0;
}

Lock LocksReader::read_lock(std::uint64_t address, const Threads& threads, Notes& notes) {
  Lock lock;
  lock.address = address;
  if (const auto at = noted(name_.read(evidence_, address), notes, "a lock's name"); at && *at != 0)
    lock.name = noted(evidence_.memory().string(*at, longest_name), notes, "a lock's name");
  const auto flags = noted(flags_.read(evidence_, address), notes, "a lock's class");
  if (!flags) return lock;
  const std::uint64_t number = *flags >> class_shift & 0xf;
  if (number >= classes.size()) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("a lock's class is {}", number), address});
    return lock;
  }
  const LockClass& kind = classes[static_cast<std::size_t>(number)];
  lock.kind = kind.kind;
  if (kind.structure.empty()) return lock;
  const auto within = noted(evidence_.member(kind.structure, "lock_object"), notes, "a lock");
  const auto word_at = noted(evidence_.member(kind.structure, kind.word), notes, "a lock");
  if (!within || !word_at) return lock;
  const auto word =
      noted(evidence_.field(address - within->offset, *word_at), notes, "who holds a lock");
  if (!word) return lock;
  const std::uint64_t owner = *word & ~kind.flags;
  if (kind.shared && (*word & flag_shared) != 0) {
    const bool old = number == class_lockmgr && evidence_.osreldate().value_or(0) < 1300000;
    lock.state = *word >> (old ? 4 : 5) != 0 ? "shared" : "free";
    return lock;
  }
  lock.state = owner == 0 ? "free" : "held";
  // LK_KERNPROC: no thread's in particular.
  const std::uint64_t kernel =
      (evidence_.pointer_size() == 4 ? 0xffffffffU : ~std::uint64_t{0}) & ~owner_flags;
  if (owner == 0 || (number == class_lockmgr && owner == kernel)) return lock;
  const auto holder = threads.find(owner);
  if (holder == threads.end()) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("a lock's holder is {:#x}, which is no thread", owner), address});
    return lock;
  }
  lock.owner_pid = holder->second->pid;
  lock.owner_tid = holder->second->tid;
  lock.owner = holder->second->name;
  return lock;
}

void LocksReader::read(const std::vector<Waiter>& threads,
                       const std::map<std::uint64_t, Runner>& runners, const Visitor<Lock>& visit,
                       Notes& notes) {
  struct Queue {
    std::vector<std::int64_t> waiters, spinning;
  };
  Threads by_address;
  for (const Waiter& thread : threads) by_address.emplace(thread.address, &thread);
  std::map<std::uint64_t, Queue> queues;
  for (const Waiter& thread : threads) {
    const auto runner = runners.find(thread.address);
    std::uint64_t lock = runner == runners.end() ? 0 : spun_for(runner->second, by_address);
    const bool spins = lock != 0;
    if (!spins) lock = waited_for(thread.address, by_address, notes);
    if (lock == 0) continue;
    Queue& queue = queues[lock];
    if (!thread.tid) continue;
    queue.waiters.push_back(*thread.tid);
    if (spins) queue.spinning.push_back(*thread.tid);
  }
  for (auto& [address, queue] : queues) {
    Lock lock = read_lock(address, by_address, notes);
    lock.waiters = std::move(queue.waiters);
    lock.spinning = std::move(queue.spinning);
    if (!visit(lock)) return;
  }
}

}  // namespace panicroom::freebsd
