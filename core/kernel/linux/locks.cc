#include "core/kernel/linux/locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/loop_guard.h"

namespace panicroom::linux_kernel {
namespace {

// A waiting thread's innermost frames: the scheduler's, then those that put it to sleep.
constexpr std::size_t frames_of_wait = 10;
// Of an owner's word: MUTEX_FLAGS of kernel/locking/mutex.h, RWSEM_OWNER_FLAGS_MASK of rwsem.c.
constexpr std::uint64_t owner_flags = 7, owned_by_readers = 1;
// RWSEM_WRITER_LOCKED and RWSEM_READER_SHIFT of a semaphore's count, since Linux 5.3; before, the
// lower half counts those that are active (RWSEM_ACTIVE_MASK).
constexpr std::uint64_t writer_of_count = 1;
constexpr unsigned readers_of_count = 8;
// SPINLOCK_MAGIC of include/linux/spinlock_types_raw.h.
constexpr std::uint64_t spinlock_magic = 0xdead4ead;
// Of a spinlock's word, and of an rwlock's: include/asm-generic/q{spin,rw}lock_types.h.
constexpr std::uint32_t spinlock_held = 0xff, written = 0xff;
constexpr unsigned readers_shift = 9;

}  // namespace

/// A kind of lock whose list of waiters has elements on stacks.
struct LocksReader::Layout {
  Kind kind;
  std::string_view name;
  Field task, list;  ///< of an element, which begins with its own list_head; of the lock
  Field word;        ///< of the lock: its owner with flags, a semaphore's count
};

LocksReader::LocksReader(Evidence& evidence, const SymbolTable& symbols,
                         std::span<const Thread> threads, SpinningReader::RegistersAt registers_at)
    : evidence_(evidence),
      symbols_(symbols),
      spinning_(evidence, symbols, std::move(registers_at),
                [this](std::uint64_t task) { return thread_at(task) != nullptr; }) {
  for (const Thread& thread : threads) {
    by_task_.emplace(thread.address, &thread);
    if (thread.stack_low < thread.stack_high) by_stack_.emplace(thread.stack_low, &thread);
  }
}

const Thread* LocksReader::thread_at(std::uint64_t task) const {
  const auto found = by_task_.find(task);
  return found == by_task_.end() ? nullptr : found->second;
}

const Thread* LocksReader::stack_at(std::uint64_t address) const {
  auto above = by_stack_.upper_bound(address);
  if (above == by_stack_.begin()) return nullptr;
  const Thread* thread = std::prev(above)->second;
  return address < thread->stack_high ? thread : nullptr;
}

std::optional<LocksReader::Kind> LocksReader::kind_of_wait(const Unwound& stack) const {
  static constexpr std::array<std::pair<std::string_view, Kind>, 9> functions = {{
      {"__mutex_lock", Kind::mutex},
      {"__ww_mutex_lock", Kind::mutex},
      {"rwsem_down_", Kind::rw_semaphore},
      {"__down_", Kind::semaphore},
      {"___down_", Kind::semaphore},
      {"__down", Kind::semaphore},
      {"__rt_mutex_", Kind::rt_mutex},
      {"rt_mutex_", Kind::rt_mutex},
      {"rtlock_", Kind::rt_mutex},
  }};
  for (std::size_t i = 0; i < std::min(frames_of_wait, stack.frames.size()); ++i) {
    const auto symbol = symbols_.at(stack.frames[i].lookup_address());
    if (!symbol) continue;
    const std::string_view name = symbol->name;
    if (name.starts_with("__down_read") || name.starts_with("__down_write"))
      return Kind::rw_semaphore;
    for (const auto& [prefix, kind] : functions)
      if (name.starts_with(prefix)) return kind;
  }
  return std::nullopt;
}

bool LocksReader::is_element(std::uint64_t waiter) {
  AddressSpace& memory = evidence_.memory();
  const unsigned pointer = evidence_.pointer_size();
  const auto next = memory.word(waiter), previous = memory.word(waiter + pointer);
  if (!next || !previous || *next == waiter) return false;
  const auto back = memory.word(*next + pointer), forth = memory.word(*previous);
  return back && forth && *back == waiter && *forth == waiter;
}

std::uint64_t LocksReader::waiter_of(const Thread& thread, const Layout& layout, Notes& notes) {
  const auto task = layout.task.member(evidence_);
  if (!task) {
    notes.add(task.error().within("the locks that threads wait for"));
    return 0;
  }
  const unsigned pointer = evidence_.pointer_size();
  std::uint64_t at = std::max(thread.stack_low, thread.registers.sp.value_or(thread.stack_low));
  for (at -= at % pointer; at < thread.stack_high; at += pointer) {
    const auto word = evidence_.memory().word(at);
    if (!word) {
      notes.add(word.error().within("looking for the lock that a thread waits for"));
      return 0;
    }
    if (*word == thread.address && at >= thread.stack_low + task->offset &&
        is_element(at - task->offset))
      return at - task->offset;
  }
  return 0;
}

void LocksReader::take_owner(std::uint64_t task, Lock& lock, Notes& notes) {
  const Thread* owner = thread_at(task);
  if (owner == nullptr) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("the owner of the {} at 0x{:x} is no thread that can be found",
                               *lock.kind, lock.address),
                   task});
    return;
  }
  lock.owner_pid = owner->pid;
  lock.owner_tid = owner->tid;
  lock.owner = owner->name;
}

void LocksReader::read_owner(const Layout& layout, Lock& lock, Notes& notes) {
  if (layout.kind == Kind::semaphore) {
    const auto count = noted(layout.word.read(evidence_, lock.address), notes, "a semaphore");
    if (count) lock.state = *count == 0 ? "held" : "free";
    return;
  }
  const auto owner = noted(layout.word.read(evidence_, lock.address), notes, "a lock's owner");
  if (!owner) return;
  const bool of_readers = layout.kind == Kind::rw_semaphore && (*owner & owned_by_readers) != 0;
  lock.state = of_readers ? "shared" : (*owner & ~owner_flags) == 0 ? "free" : "held";
  if (layout.kind == Kind::rw_semaphore) correct_by_count(lock);
  if (lock.state == "held" && !of_readers && (*owner & ~owner_flags) != 0)
    take_owner(*owner & ~owner_flags, lock, notes);
}

void LocksReader::correct_by_count(Lock& lock) {
  // The owner's word outlives who it names. A kernel for real time has no such count.
  const auto count = semaphore_count_.read(evidence_, lock.address);
  if (!count) return;
  const unsigned bits = evidence_.pointer_size() * 8;
  if (!new_count_.exists(evidence_)) {
    const std::uint64_t active = (std::uint64_t{1} << bits / 2) - 1;
    if ((*count & active) == 0) lock.state = "free";
    return;
  }
  const std::uint64_t readers = (*count & ~(std::uint64_t{1} << (bits - 1))) >> readers_of_count;
  lock.state = (*count & writer_of_count) != 0 ? "held" : readers != 0 ? "shared" : "free";
}

void LocksReader::name(Lock& lock) const {
  const auto symbol = symbols_.at(lock.address);
  if (!symbol) return;
  lock.name = lock.address == symbol->address
                  ? std::string(symbol->name)
                  : fmt::format("{}+0x{:x}", symbol->name, lock.address - symbol->address);
}

std::optional<Lock> LocksReader::lock_of(std::uint64_t waiter, const Thread& thread,
                                         const Layout& layout, Notes& notes) {
  AddressSpace& memory = evidence_.memory();
  const auto task = layout.task.member(evidence_), list = layout.list.member(evidence_);
  if (!task || !list) {
    notes.add((task ? list : task).error().within("the locks that threads wait for"));
    return std::nullopt;
  }
  // Of the circle that the waiters and the lock make, the lock is the element on no waiter's stack.
  std::vector<std::int64_t> after, before;
  std::optional<std::uint64_t> head;
  LoopGuard guard(by_task_.size() + 1);
  std::uint64_t at = waiter;
  do {
    elements_seen_.insert(at);
    const Thread* owner_of_stack = stack_at(at);
    const auto named = memory.word(at + task->offset);
    if (owner_of_stack != nullptr && named && *named == owner_of_stack->address) {
      (head ? before : after).push_back(owner_of_stack->tid.value_or(0));
    } else if (!head) {
      head = at;
    } else {
      notes.add(Note{
          ErrorCode::corrupt,
          fmt::format("a {}'s list of waiters has an element that is no waiter", layout.name), at});
      return std::nullopt;
    }
    const auto next = memory.word(at);
    if (!next || !guard.step(at)) {
      notes.add(Note{
          ErrorCode::corrupt,
          fmt::format("a {}'s list of waiters does not lead back to where it began", layout.name),
          at});
      return std::nullopt;
    }
    at = *next;
  } while (at != waiter);
  if (!head || *head < list->offset) {
    notes.add(Note{ErrorCode::corrupt, "a list of waiters belongs to no lock", thread.address});
    return std::nullopt;
  }
  Lock lock;
  lock.address = *head - list->offset;
  lock.kind = std::string(layout.name);
  lock.waiters = std::move(before);
  lock.waiters.insert(lock.waiters.end(), after.begin(), after.end());
  read_owner(layout, lock, notes);
  name(lock);
  return lock;
}

std::optional<Lock> LocksReader::rt_mutex_of(const Thread& thread, Notes& notes) {
  const auto waiter = noted(blocked_on_.read(evidence_, thread.address), notes, "a waiting thread");
  if (!waiter || *waiter == 0) return std::nullopt;
  const auto address = noted(rt_lock_.read(evidence_, *waiter), notes, "a waiter");
  if (!address || *address == 0) return std::nullopt;
  Lock lock;
  lock.address = *address;
  lock.kind = "rt mutex";
  lock.waiters = {thread.tid.value_or(0)};
  // Struct rt_mutex has it itself until Linux 5.14.
  const Field& field = rt_owner_.exists(evidence_) ? rt_owner_ : old_rt_owner_;
  if (const auto owner = noted(field.read(evidence_, lock.address), notes, "a lock's owner")) {
    const std::uint64_t task = *owner & ~std::uint64_t{1};  // RT_MUTEX_HAS_WAITERS
    lock.state = task == 0 ? "free" : "held";
    if (task != 0) take_owner(task, lock, notes);
  }
  name(lock);
  return lock;
}

void LocksReader::read_spinners(const StackOf& stack_of) {
  for (const auto& [task, thread] : by_task_) {
    if (!thread->cpu) continue;
    const auto spin = spinning_.spin_of(*thread, stack_of(*thread));
    if (spin) spinners_[spin->lock].push_back({*spin, thread->tid.value_or(0)});
  }
  for (auto& [lock, queue] : spinners_)
    std::ranges::sort(queue, [](const Spinner& a, const Spinner& b) {
      return std::pair(b.spin.behind, a.tid) < std::pair(a.spin.behind, b.tid);
    });
}

void LocksReader::take_spinners(Lock& lock) {
  const auto found = spinners_.find(lock.address);
  if (found == spinners_.end()) return;
  for (const Spinner& one : found->second) {
    lock.waiters.push_back(one.tid);
    lock.spinning.push_back(one.tid);
  }
  spinners_.erase(found);
}

void LocksReader::read_spun(const Spin& spin, Lock& lock, Notes& notes) {
  const auto word =
      noted(evidence_.memory().u32(lock.address), notes, "a lock for which a thread spins");
  if (!word) return;
  if (spin.kind == SpunLock::rwlock) {
    lock.kind = "rwlock";
    lock.state = (*word & written) != 0 ? "held" : *word >> readers_shift != 0 ? "shared" : "free";
    return;
  }
  lock.kind = "spinlock";
  lock.state = (*word & spinlock_held) != 0 ? "held" : "free";
  if (lock.state != "held" || !spin_owner_.exists(evidence_)) return;
  const auto magic = spin_magic_.read(evidence_, lock.address),
             owner = spin_owner_.read(evidence_, lock.address);
  if (magic && owner && (*magic & 0xffffffff) == spinlock_magic && thread_at(*owner) != nullptr)
    take_owner(*owner, lock, notes);
}

void LocksReader::read(const StackOf& stack_of, const Visitor<Lock>& visit, Notes& notes) {
  const std::array<Layout, 3> layouts = {{
      {Kind::mutex,
       "mutex",
       {"mutex_waiter", "task"},
       {"mutex", "wait_list"},
       {"mutex", {"owner.counter", "owner"}}},
      {Kind::rw_semaphore,
       "rw semaphore",
       {"rwsem_waiter", "task"},
       {"rw_semaphore", "wait_list"},
       {"rw_semaphore", {"owner.counter", "owner"}}},
      {Kind::semaphore,
       "semaphore",
       {"semaphore_waiter", "task"},
       {"semaphore", "wait_list"},
       {"semaphore", "count"}},
  }};
  read_spinners(stack_of);
  std::map<std::uint64_t, Lock> rt_mutexes;
  for (const auto& [task, thread] : by_task_) {
    if (thread->cpu) continue;
    const auto kind = kind_of_wait(stack_of(*thread));
    if (!kind) continue;
    if (*kind == Kind::rt_mutex) {
      auto lock = rt_mutex_of(*thread, notes);
      if (!lock) continue;
      const auto [known, first] = rt_mutexes.try_emplace(lock->address, *lock);
      if (!first) known->second.waiters.push_back(lock->waiters.front());
      continue;
    }
    const Layout& layout = layouts[static_cast<std::size_t>(*kind)];
    const std::uint64_t waiter = waiter_of(*thread, layout, notes);
    // Each circle is walked once, not once for each of its waiters.
    if (waiter == 0 || elements_seen_.contains(waiter)) continue;
    auto lock = lock_of(waiter, *thread, layout, notes);
    if (lock) take_spinners(*lock);
    if (lock && !visit(*lock)) return;
  }
  for (const auto& [address, lock] : rt_mutexes)
    if (!visit(lock)) return;
  while (!spinners_.empty()) {
    const Spin spin = spinners_.begin()->second.front().spin;
    Lock lock;
    lock.address = spin.lock;
    if (spin.kind == SpunLock::spinlock || spin.kind == SpunLock::rwlock) {
      read_spun(spin, lock, notes);
    } else {
      const Layout& layout = layouts[spin.kind == SpunLock::mutex ? 0 : 1];
      lock.kind = std::string(layout.name);
      read_owner(layout, lock, notes);
    }
    name(lock);
    take_spinners(lock);
    if (!visit(lock)) return;
  }
}

}  // namespace panicroom::linux_kernel
