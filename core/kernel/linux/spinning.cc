#include "core/kernel/linux/spinning.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/kernel/linux/cpus.h"
#include "core/kernel/lock_candidates.h"

namespace panicroom::linux_kernel {
namespace {

// Above the loop there may be an interrupt and all that panic() called.
constexpr std::size_t frames_looked_at = 48;
constexpr std::uint32_t nodes_of_processor = 4;  // a task, a soft and a hard interrupt, an NMI

// Of a queued spinlock's word.
constexpr std::uint32_t locked = 0xff, pending_shift = 8, tail_shift = 16;
constexpr unsigned tail_index_bits = 2;
constexpr std::uint32_t held = 1, held_for_sleepers = 3;  // the latter with paravirtual waiting
// Of a queued rwlock's count, behind which lies its spinlock.
constexpr std::uint32_t writer = 0xff;
constexpr std::uint64_t own_spinlock = 4;
// Of an owner's word: MUTEX_FLAGS, RWSEM_OWNER_FLAGS_MASK.
constexpr std::uint64_t owner_flags = 7;

enum class Loop : std::uint8_t { spinlock, rwlock, mutex, rw_semaphore, queue };

std::optional<Loop> loop_of(std::string_view function) {
  static constexpr std::array<std::pair<std::string_view, Loop>, 10> loops = {{
      {"native_queued_spin_lock_slowpath", Loop::spinlock},
      {"__pv_queued_spin_lock_slowpath", Loop::spinlock},
      {"queued_spin_lock_slowpath", Loop::spinlock},
      {"queued_read_lock_slowpath", Loop::rwlock},
      {"queued_write_lock_slowpath", Loop::rwlock},
      {"mutex_spin_on_owner", Loop::mutex},
      {"mutex_optimistic_spin", Loop::mutex},
      {"rwsem_spin_on_owner", Loop::rw_semaphore},
      {"rwsem_optimistic_spin", Loop::rw_semaphore},
      {"osq_lock", Loop::queue},
  }};
  const std::string_view plain = function.substr(0, function.find('.'));
  for (const auto& [name, loop] : loops)
    if (plain == name) return loop;
  return std::nullopt;
}

}  // namespace

SpinningReader::SpinningReader(Evidence& evidence, const SymbolTable& symbols,
                               RegistersAt registers_at, IsTask is_task)
    : evidence_(evidence),
      symbols_(symbols),
      registers_at_(std::move(registers_at)),
      is_task_(std::move(is_task)) {}

std::string_view SpinningReader::function_at(const Unwound& stack, std::size_t index) const {
  if (index >= stack.frames.size()) return {};
  const auto symbol = symbols_.at(stack.frames[index].lookup_address());
  return symbol ? symbol->name : std::string_view();
}

void SpinningReader::read_queues() {
  if (std::exchange(queues_read_, true)) return;
  auto nodes = evidence_.address_of("qnodes");
  if (!nodes) nodes = evidence_.address_of("mcs_nodes");  // before Linux 4.20 or so
  Notes notes;
  const auto cpus = read_cpus(evidence_, notes);
  const auto types = evidence_.types();
  const auto next = next_.member(evidence_), count = count_.member(evidence_);
  if (!nodes || !cpus || !types || !next || !count) return;
  auto size = (*types)->size_of("qnode");
  if (!size) size = (*types)->size_of("mcs_spinlock");
  if (!size || *size == 0) return;
  queues_known_ = true;
  std::map<std::uint64_t, std::uint32_t> tails;  // of nodes
  for (const Cpu& cpu : cpus->all())
    for (std::uint32_t index = 0; index < nodes_of_processor; ++index)
      tails.emplace(*nodes + cpu.per_cpu_offset + index * *size,
                    (cpu.number + 1) << tail_index_bits | index);
  for (const Cpu& cpu : cpus->all()) {
    const std::uint64_t first = *nodes + cpu.per_cpu_offset;
    const auto used = count_.read(evidence_, first);
    if (!used) continue;
    for (std::uint32_t index = 0; index < std::min<std::uint64_t>(*used, nodes_of_processor);
         ++index) {
      std::uint64_t at = first + index * *size;
      std::size_t behind = 0;
      for (; behind <= tails.size(); ++behind) {
        const auto following = next_.read(evidence_, at);
        if (!following || *following == 0 || !tails.contains(*following)) break;
        at = *following;
      }
      queues_.emplace(cpu.number, Queued{tails.at(at), behind});
    }
  }
}

std::optional<Spin> SpinningReader::spinlock(std::uint64_t at, std::uint32_t cpu) {
  if (at % 4 != 0) return std::nullopt;
  const auto word = evidence_.memory().u32(at);
  if (!word) return std::nullopt;
  const std::uint32_t holder = *word & locked, pending = *word >> pending_shift & 0xff,
                      tail = *word >> tail_shift;
  if ((holder != 0 && holder != held && holder != held_for_sleepers) || pending > 1)
    return std::nullopt;
  read_queues();
  if (tail != 0 && queues_known_) {
    const auto [first, end] = queues_.equal_range(cpu);
    for (auto queued = first; queued != end; ++queued)
      if (queued->second.tail == tail) return Spin{SpunLock::spinlock, at, queued->second.behind};
  }
  // The first that waits is in no queue.
  const std::size_t before_queue = tail == 0 ? 0 : queues_.size() + 1;
  if (pending == 1 && holder != 0 && (tail == 0 || queues_known_))
    return Spin{SpunLock::spinlock, at, before_queue};
  if (tail != 0 && !queues_known_ && holder != 0) return Spin{SpunLock::spinlock, at, 0};
  return std::nullopt;
}

std::optional<Spin> SpinningReader::unqueued_spinlock(std::span<const std::uint64_t> candidates) {
  // A virtual machine whose hypervisor wakes nobody just sets the lock's lowest byte
  // (virt_spin_lock of arch/x86/include/asm/qspinlock.h). Nothing there says that somebody waits;
  // so it must be the argument, which is named twice, or lie in two places.
  for (const std::uint64_t at : candidates) {
    if (at % 4 != 0 || std::ranges::count(candidates, at) < 2) continue;
    const auto word = evidence_.memory().u32(at);
    if (word && *word == held) return Spin{SpunLock::spinlock, at, 0};
  }
  return std::nullopt;
}

std::optional<Spin> SpinningReader::rwlock(std::uint64_t at, std::uint32_t cpu,
                                           bool of_its_spinlock) {
  if (at % 4 != 0) return std::nullopt;
  if (of_its_spinlock) {
    const auto inner = spinlock(at, cpu);
    if (!inner || at < own_spinlock) return std::nullopt;
    return Spin{SpunLock::rwlock, at - own_spinlock, inner->behind};
  }
  // Who waits at the front of the queue holds the lock's own spinlock.
  const auto count = evidence_.memory().u32(at), inner = evidence_.memory().u32(at + own_spinlock);
  if (!count || !inner || (*inner & locked) != held || *count == 0 ||
      (*count & writer) % writer != 0)
    return std::nullopt;
  return Spin{SpunLock::rwlock, at, queues_.size() + 2};
}

std::optional<Spin> SpinningReader::sleeping_lock(std::uint64_t at, SpunLock kind,
                                                  const Field& owner, const Field* queue) {
  if (queue != nullptr) {  // what was found is the queue of those that spin
    const auto member = queue->member(evidence_);
    const auto tail = evidence_.memory().u32(at);
    if (!member || at < member->offset || !tail || *tail == 0) return std::nullopt;
    at -= member->offset;
  }
  if (at % evidence_.pointer_size() != 0) return std::nullopt;
  const auto word = owner.read(evidence_, at);
  if (!word || !is_task_(*word & ~owner_flags)) return std::nullopt;
  return Spin{kind, at, 0};
}

std::optional<Spin> SpinningReader::spin_of(const Thread& thread, const Unwound& stack) {
  if (!thread.cpu || *thread.cpu < 0) return std::nullopt;
  const auto cpu = static_cast<std::uint32_t>(*thread.cpu);
  for (std::size_t i = 0; i < std::min(frames_looked_at, stack.frames.size()); ++i) {
    const auto loop = loop_of(function_at(stack, i));
    if (!loop) continue;
    const std::string_view caller = function_at(stack, i + 1);
    const bool of_rwlock = *loop == Loop::spinlock && loop_of(caller) == Loop::rwlock;
    const bool of_semaphore = caller.starts_with("rwsem_");
    const auto candidates = lock_candidates(evidence_.memory(), thread, stack, i, registers_at_);
    for (const std::uint64_t at : candidates) {
      std::optional<Spin> found;
      if (*loop == Loop::spinlock)
        found = of_rwlock ? rwlock(at, cpu, true) : spinlock(at, cpu);
      else if (*loop == Loop::rwlock)
        found = rwlock(at, cpu, false);
      else if (*loop == Loop::mutex || (*loop == Loop::queue && !of_semaphore))
        found = sleeping_lock(at, SpunLock::mutex, mutex_owner_,
                              *loop == Loop::queue ? &mutex_queue_ : nullptr);
      else
        found = sleeping_lock(at, SpunLock::rw_semaphore, rwsem_owner_,
                              *loop == Loop::queue ? &rwsem_queue_ : nullptr);
      if (found) return found;
    }
    if (*loop == Loop::spinlock && !of_rwlock) return unqueued_spinlock(candidates);
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace panicroom::linux_kernel
