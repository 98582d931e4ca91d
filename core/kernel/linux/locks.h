#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "core/kernel/linux/field.h"
#include "core/kernel/linux/spinning.h"
#include "core/stack/unwind.h"

namespace panicroom::linux_kernel {

/// Finds the locks that threads wait for, without the kernel's own lock debugging: a sleeping
/// thread has a struct mutex_waiter (or its like) on its stack, which is an element of the lock's
/// list of waiters (Linux kernel/locking/mutex.c, rwsem.c, semaphore.c, rtmutex.c). Those that spin
/// are found by SpinningReader; who holds a spinlock is known where the kernel debugs them.
class LocksReader {
 public:
  using StackOf = std::function<Unwound(const Thread&)>;

  /// `threads`: all of them, outlives this.
  LocksReader(Evidence& evidence, const SymbolTable& symbols, std::span<const Thread> threads,
              SpinningReader::RegistersAt registers_at);

  void read(const StackOf& stack_of, const Visitor<Lock>& visit, Notes& notes);

 private:
  enum class Kind : std::uint8_t { mutex, rw_semaphore, semaphore, rt_mutex };
  struct Layout;
  /// A thread in a loop.
  struct Spinner {
    Spin spin;
    std::int64_t tid = 0;
  };

  void read_spinners(const StackOf& stack_of);
  /// Adds the spinners of a lock to it, behind those that sleep; they are not told again.
  void take_spinners(Lock& lock);
  void read_spun(const Spin& spin, Lock& lock, Notes& notes);

  std::optional<Kind> kind_of_wait(const Unwound& stack) const;
  /// The element of a lock's list that lies on the thread's stack; 0 when there is none.
  std::uint64_t waiter_of(const Thread& thread, const Layout& layout, Notes& notes);
  bool is_element(std::uint64_t waiter);
  std::optional<Lock> lock_of(std::uint64_t waiter, const Thread& thread, const Layout& layout,
                              Notes& notes);
  std::optional<Lock> rt_mutex_of(const Thread& thread, Notes& notes);
  void read_owner(const Layout& layout, Lock& lock, Notes& notes);
  void correct_by_count(Lock& lock);
  void take_owner(std::uint64_t task, Lock& lock, Notes& notes);
  const Thread* thread_at(std::uint64_t task) const;
  /// The thread whose stack holds an address.
  const Thread* stack_at(std::uint64_t address) const;
  void name(Lock& lock) const;

  Evidence& evidence_;
  const SymbolTable& symbols_;
  SpinningReader spinning_;
  std::map<std::uint64_t, std::vector<Spinner>> spinners_;  ///< by lock, first come first
  std::map<std::uint64_t, const Thread*> by_task_, by_stack_;
  std::set<std::uint64_t> elements_seen_;  ///< of locks' lists of waiters
  Field blocked_on_{"task_struct", "pi_blocked_on"};
  Field spin_owner_{"raw_spinlock", "owner"}, spin_magic_{"raw_spinlock", "magic"};
  // The count has its present meaning since the owner is an atomic_long_t.
  Field semaphore_count_{"rw_semaphore", {"count.counter", "count"}},
      new_count_{"rw_semaphore", "owner.counter"};
  Field rt_lock_{"rt_mutex_waiter", "lock"}, rt_owner_{"rt_mutex_base", "owner"},
      old_rt_owner_{"rt_mutex", "owner"};
};

}  // namespace panicroom::linux_kernel
