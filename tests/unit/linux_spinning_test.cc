// Threads that spin for Linux's locks, with layouts that no kernel has. The locks' words are those
// of include/asm-generic/qspinlock_types.h and qrwlock_types.h: a spinlock's lowest byte says that
// it is held, the next that one waits, the upper half which processor's element ends the queue
// (number + 1, then two bits of index); an rwlock's lowest byte that it is written, bit 8 that
// somebody waits, the readers from bit 9 on, and behind it is a spinlock.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/kernel/deadlock.h"
#include "core/kernel/linux/locks.h"
#include "tests/unit/stated_linux.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::StatedLinux;
using panicroom::testing::texts_of;

using Tids = std::vector<std::int64_t>;

constexpr std::uint64_t text = StatedLinux::base + 0x10000, lock = StatedLinux::base + 0x20000,
                        other_lock = lock + 0x100, tasks = StatedLinux::base + 0x30000,
                        stacks = StatedLinux::base + 0x40000, size_of_stack = 0x1000,
                        per_cpu = StatedLinux::base + 0x50000, size_of_cpu = 0x1000, nodes = 0x100,
                        queues = 0x800, variables = StatedLinux::base + 0x60000,
                        size_of_function = 0x100, size_of_node = 48;

/// Threads 100, 101, ... of which each runs on the processor of its place.
class Spinners : public ::testing::Test {
 protected:
  Spinners() {
    for (std::uint64_t i = 0; i < 4; ++i) {
      Thread thread;
      thread.address = tasks + i * 0x100;
      thread.tid = static_cast<std::int64_t>(100 + i);
      thread.cpu = static_cast<std::int64_t>(i);
      thread.stack_low = stacks + i * size_of_stack;
      thread.stack_high = thread.stack_low + size_of_stack;
      thread.registers.sp = thread.stack_low + 0x800;
      threads.push_back(thread);
      functions.emplace_back();
      linux.put(variables + 0x100 + i * 8, per_cpu + i * size_of_cpu);
    }
    linux.put(variables, 4);
    linux.symbol("nr_cpu_ids", variables);
    linux.symbol("__per_cpu_offset", variables + 0x100);
    linux.symbol("runqueues", queues);
    linux.symbol("qnodes", nodes);
    linux.structure("rq", 64, {{"curr", 1}, {"idle", 2}});
    linux.structure("mcs_spinlock", 24, {{"next", 1}, {"count", 2}});
    linux.structure("qnode", size_of_node, {{"mcs", 0}});
  }
  static std::uint64_t node(std::uint64_t cpu, std::uint64_t index = 0) {
    return per_cpu + cpu * size_of_cpu + nodes + index * size_of_node;
  }
  static std::uint32_t tail(std::uint32_t cpu, std::uint32_t index = 0) {
    return (cpu + 1) << 18U | index << 16U;
  }
  void queue(std::uint64_t cpu, std::uint64_t count, std::uint64_t next) {
    linux.put(node(cpu) + 16, count);
    linux.put(node(cpu) + 8, next);
  }
  /// That thread is in `function`, called by `caller`.
  void in(std::size_t thread, const std::string& function, const std::string& caller = "") {
    functions[thread] = {function, caller};
  }
  std::vector<Lock> read() {
    std::vector<std::string> names;
    for (const auto& calls : functions)
      for (const std::string& name : calls)
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    std::vector<Symbol> symbols;
    for (std::size_t i = 0; i < names.size(); ++i)
      symbols.push_back({names[i], text + i * size_of_function, size_of_function, 't'});
    const auto table = make_symbol_table("a test", symbols, nullptr);
    const auto stack_of = [&](const Thread& thread) {
      Unwound stack;
      std::uint64_t sp = thread.stack_low + 0x800;
      for (const std::string& name : functions[static_cast<std::size_t>(*thread.tid - 100)]) {
        if (name.empty()) continue;
        UnwoundFrame frame;
        frame.pc = table->find(name)->address + 0x10;
        frame.exact = stack.frames.empty();
        frame.sp = sp;
        sp += 0x40;
        stack.frames.push_back(frame);
      }
      return stack;
    };
    std::vector<Lock> found;
    Notes notes;
    LocksReader(linux.evidence_anew(), *table, threads, [](std::uint64_t) { return Registers(); })
        .read(
            stack_of,
            [&](const Lock& one) {
              found.push_back(one);
              return true;
            },
            notes);
    EXPECT_EQ(texts_of(notes), "");
    return found;
  }

  StatedLinux linux;
  std::vector<Thread> threads;
  std::vector<std::vector<std::string>> functions;
};

TEST_F(Spinners, OfASpinlockComeInItsQueuesOrder) {
  // 103 is the first, 100 and then 102 are queued behind it, the latter within an interrupt.
  linux.put(lock, 0x101 | tail(2, 1));
  linux.put(node(2) + 16, 2), linux.put(node(2) + 8, 0), linux.put(node(2, 1) + 8, 0);
  queue(0, 1, node(2, 1));
  for (const std::size_t i : {0U, 2U, 3U}) {
    in(i, "native_queued_spin_lock_slowpath", "_raw_spin_lock");
    threads[i].registers.others = {{"rdi", 7}, {"rcx", lock + 8}, {"rbx", lock}};
  }
  const auto locks = read();
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].address, lock);
  EXPECT_EQ(locks[0].kind, "spinlock");
  EXPECT_EQ(locks[0].state, "held");
  EXPECT_EQ(locks[0].owner_tid, std::nullopt);
  EXPECT_EQ(locks[0].waiters, (Tids{103, 100, 102}));
  EXPECT_EQ(locks[0].spinning, locks[0].waiters);
}

TEST_F(Spinners, ALockThatNobodyWaitsForIsNotTheirs) {
  in(0, "native_queued_spin_lock_slowpath");
  threads[0].registers.others = {{"rdi", lock}};
  for (const std::uint32_t word : {0U, 0x100U, 0x1ffU, 0x201U, 1U | tail(2), 1U | tail(0)}) {
    linux.put(lock, word);  // the last: its processor has no element in a queue
    EXPECT_TRUE(read().empty()) << word;
  }
  linux.put(lock, 0x101);
  EXPECT_EQ(read().size(), 1U);
  threads[0].cpu.reset();  // on no processor nobody spins
  EXPECT_TRUE(read().empty());
}

// virt_spin_lock of arch/x86/include/asm/qspinlock.h: 0 or 1, nobody is queued.
TEST_F(Spinners, OfAVirtualMachineWithoutQueues) {
  linux.put(lock, 1);
  in(0, "native_queued_spin_lock_slowpath", "_raw_spin_lock");
  threads[0].registers.others = {{"rbx", lock}};
  EXPECT_TRUE(read().empty());
  threads[0].registers.others = {{"rbx", lock}, {"rdi", lock}};
  const auto locks = read();
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].state, "held");
  EXPECT_EQ(locks[0].spinning, Tids{100});
}

TEST_F(Spinners, FindTheLockOnTheirStackToo) {
  linux.put(lock, 0x101);
  in(0, "native_queued_spin_lock_slowpath", "_raw_spin_lock");
  linux.put(threads[0].stack_low + 0x818, lock);
  ASSERT_EQ(read().size(), 1U);
  linux.put(threads[0].stack_low + 0x818, 0);
  linux.put(threads[0].stack_low + 0x848, lock);  // its caller's part
  EXPECT_TRUE(read().empty());
}

TEST_F(Spinners, WhereTheKernelDebugsSpinlocksTheirOwnersMakeADeadlock) {
  linux.structure("raw_spinlock", 64, {{"raw_lock", 0}, {"magic", 1}, {"owner", 2}});
  for (const std::size_t i : {0U, 1U}) {
    const std::uint64_t at = i == 0 ? lock : other_lock;
    linux.put(at, 0x101), linux.put(at + 8, 0xffffffffdead4ead);
    linux.put(at + 16, threads[1 - i].address);
    in(i, "queued_spin_lock_slowpath");
    threads[i].registers.others = {{"x0", at}};
  }
  const auto locks = read();
  ASSERT_EQ(locks.size(), 2U);
  EXPECT_EQ(locks[0].owner_tid, 101);
  EXPECT_EQ(locks[1].owner_tid, 100);
  EXPECT_EQ(deadlocks(locks), (std::vector<Tids>{{100, 101}}));
}

TEST_F(Spinners, OfAMutexComeBehindThoseThatSleep) {
  linux.structure("mutex", 64, {{"owner", 1}, {"osq", 2}, {"wait_list", 3}});
  linux.structure("mutex_waiter", 64, {{"list", 0}, {"task", 3}});
  linux.put(lock + 8, threads[0].address | 1);
  linux.put(lock + 16, 3);
  const std::uint64_t element = threads[1].stack_low + 0x900;
  linux.put(element, lock + 24), linux.put(element + 8, lock + 24);
  linux.put(element + 24, threads[1].address);
  linux.put(lock + 24, element), linux.put(lock + 32, element);
  threads[1].cpu.reset();
  in(1, "__mutex_lock");
  in(2, "mutex_spin_on_owner", "__mutex_lock");
  threads[2].registers.others = {{"rdi", lock}};
  in(3, "osq_lock", "__mutex_lock");
  threads[3].registers.others = {{"rdi", lock + 16}};
  auto locks = read();
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].kind, "mutex");
  EXPECT_EQ(locks[0].owner_tid, 100);
  EXPECT_EQ(locks[0].waiters, (Tids{101, 102, 103}));
  EXPECT_EQ(locks[0].spinning, (Tids{102, 103}));
  in(1, "schedule");
  locks = read();
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].kind, "mutex");
  EXPECT_EQ(locks[0].owner_tid, 100);
  EXPECT_EQ(locks[0].waiters, (Tids{102, 103}));
}

TEST_F(Spinners, OfAnRwlock) {
  linux.put(lock, 0x1ULL << 32U | 2U << 9U | 0x100U);  // two read it; its spinlock is the waiter's
  in(0, "queued_write_lock_slowpath");
  threads[0].registers.others = {{"rdi", lock}};
  auto locks = read();
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].kind, "rwlock");
  EXPECT_EQ(locks[0].state, "shared");
  EXPECT_EQ(locks[0].waiters, Tids{100});
  // Another waits for that spinlock.
  linux.put(lock, 0x101ULL << 32U | 0x1ffU);
  in(1, "native_queued_spin_lock_slowpath", "queued_read_lock_slowpath");
  threads[1].registers.others = {{"rdi", lock + 4}};
  locks = read();
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].address, lock);
  EXPECT_EQ(locks[0].state, "held");
  EXPECT_EQ(locks[0].waiters, (Tids{100, 101}));
}

}  // namespace
}  // namespace panicroom::linux_kernel
