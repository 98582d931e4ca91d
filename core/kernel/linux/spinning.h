#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "core/kernel/linux/field.h"
#include "core/stack/unwind.h"
#include "core/symbols/symbol_table.h"

namespace panicroom::linux_kernel {

enum class SpunLock : std::uint8_t { spinlock, rwlock, mutex, rw_semaphore };

/// What a thread waits for in a loop on its processor.
struct Spin {
  SpunLock kind = SpunLock::spinlock;
  std::uint64_t lock = 0;
  std::size_t behind = 0;  ///< how many wait behind it: the queue's order
};

/// Finds the lock for which a running thread spins: one of the registers of the function that
/// spins, or one of the words that it and what it called have on the stack, is the lock's address.
/// Which one is told by the lock itself, that it is held and waited for, and for a spinlock by the
/// processors' queue (Linux kernel/locking/{qspinlock,qrwlock,mutex,rwsem,osq_lock}.c,
/// include/asm-generic/{qspinlock,qrwlock}_types.h). Of processors up to 16383, as all kernels of
/// distributions are built.
class SpinningReader {
 public:
  using RegistersAt = std::function<Registers(std::uint64_t saved)>;
  using IsTask = std::function<bool(std::uint64_t)>;

  /// `registers_at` reads what an entry saved (UnwoundFrame::saved_registers).
  SpinningReader(Evidence& evidence, const SymbolTable& symbols, RegistersAt registers_at,
                 IsTask is_task);

  std::optional<Spin> spin_of(const Thread& thread, const Unwound& stack);

 private:
  std::string_view function_at(const Unwound& stack, std::size_t index) const;
  std::optional<Spin> spinlock(std::uint64_t at, std::uint32_t cpu);
  std::optional<Spin> unqueued_spinlock(std::span<const std::uint64_t> candidates);
  std::optional<Spin> rwlock(std::uint64_t at, std::uint32_t cpu, bool of_its_spinlock);
  std::optional<Spin> sleeping_lock(std::uint64_t at, SpunLock kind, const Field& owner,
                                    const Field* queue);
  void read_queues();

  Evidence& evidence_;
  const SymbolTable& symbols_;
  RegistersAt registers_at_;
  IsTask is_task_;
  /// Where a processor's elements in spinlocks' queues lead to: the tail of that queue as the lock
  /// has it, and how many elements are on the way.
  struct Queued {
    std::uint32_t tail = 0;
    std::size_t behind = 0;
  };
  std::multimap<std::uint32_t, Queued> queues_;  ///< by processor
  bool queues_read_ = false, queues_known_ = false;
  Field next_{"mcs_spinlock", "next"}, count_{"mcs_spinlock", "count"};
  Field mutex_owner_{"mutex", {"owner.counter", "owner"}},
      rwsem_owner_{"rw_semaphore", {"owner.counter", "owner"}};
  Field mutex_queue_{"mutex", "osq"}, rwsem_queue_{"rw_semaphore", "osq"};
};

}  // namespace panicroom::linux_kernel
