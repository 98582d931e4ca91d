// The locks that Linux's threads wait for, with layouts that no kernel has.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/kernel/linux/locks.h"
#include "tests/unit/stated_linux.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::StatedLinux;
using panicroom::testing::texts_of;

constexpr std::uint64_t text = StatedLinux::base + 0x10000, lock = StatedLinux::base + 0x20000,
                        owner = StatedLinux::base + 0x30000, tasks = StatedLinux::base + 0x31000,
                        stacks = StatedLinux::base + 0x40000, size_of_stack = 0x1000;

/// A thread that holds a lock, and two that wait for it.
class LockWithWaiters : public ::testing::Test {
 protected:
  LockWithWaiters() {
    for (std::uint64_t i = 0; i < 3; ++i) {
      Thread thread;
      thread.address = i == 0 ? owner : tasks + i * 0x100;
      thread.tid = static_cast<std::int64_t>(100 + i);
      thread.stack_low = stacks + i * size_of_stack;
      thread.stack_high = thread.stack_low + size_of_stack;
      threads.push_back(thread);
    }
  }
  void put(std::uint64_t object, std::uint64_t word, std::uint64_t value) {
    linux.put(object + word * 8, value);
  }
  /// All but the owner wait in `function`.
  std::vector<Lock> read(std::string_view function) {
    const auto symbols = make_symbol_table("a test", {Symbol{function, text, 0x100, 't'}}, nullptr);
    std::vector<Lock> found;
    Notes notes;
    LocksReader(linux.evidence_anew(), *symbols, threads, [](std::uint64_t) { return Registers(); })
        .read(
            [&](const Thread& thread) {
              Unwound stack;
              UnwoundFrame frame;
              frame.pc = thread.address == owner ? 0 : text + 0x10;
              stack.frames.push_back(frame);
              return stack;
            },
            [&](const Lock& one) {
              found.push_back(one);
              return true;
            },
            notes);
    said = texts_of(notes);
    return found;
  }
  /// `read` is one lock, which the owner holds and both others wait for.
  void expect_held(const std::vector<Lock>& read, std::string_view kind) {
    ASSERT_EQ(read.size(), 1U) << said;
    EXPECT_EQ(read[0].address, lock);
    EXPECT_EQ(read[0].kind, kind);
    EXPECT_EQ(read[0].state, "held");
    EXPECT_EQ(read[0].owner_tid, 100);
    EXPECT_EQ(read[0].waiters, (std::vector<std::int64_t>{101, 102}));
    EXPECT_EQ(said, "");
  }

  /// The lock's list leads to the first waiter, that to the second, that back to the lock.
  void link_waiters() {
    const std::uint64_t links[] = {lock + 24, threads[1].stack_low + 0x800,
                                   threads[2].stack_low + 0x900};
    for (std::uint64_t i = 0; i < 3; ++i) {
      put(links[i], 0, links[(i + 1) % 3]), put(links[i], 1, links[(i + 2) % 3]);
      if (i != 0) put(links[i], 3, threads[static_cast<std::size_t>(i)].address);
    }
  }

  /// `structure`: that which the owner is a member of.
  void wait_for_rt_mutex(const char* structure) {
    linux.structure("task_struct", 128, {{"pi_blocked_on", 5}});
    linux.structure("rt_mutex_waiter", 64, {{"lock", 4}});
    linux.structure(structure, 64, {{"owner", 2}});
    put(lock, 2, owner | 1);
    for (std::size_t i = 1; i < 3; ++i) {
      put(threads[i].address, 5, threads[i].stack_low + 0x800);
      put(threads[i].stack_low + 0x800, 4, lock);
    }
  }

  StatedLinux linux;
  std::vector<Thread> threads;
  std::string said;
};

TEST_F(LockWithWaiters, AMutexIsToldOnce) {
  linux.structure("mutex", 64, {{"owner", 1}, {"wait_list", 3}});
  linux.structure("mutex_waiter", 64, {{"list", 0}, {"task", 3}});
  put(lock, 1, owner | 1);
  link_waiters();
  expect_held(read("__mutex_lock.constprop.0"), "mutex");
}

// Linux kernel/locking/rwsem.c since 5.3: the writer in bit 0, waiters in bit 1, readers from bit 8
// on, in the sign that there are too many; the owner's word is kept after a reader has gone.
TEST_F(LockWithWaiters, ASemaphoresCountSaysWhoHasIt) {
  linux.structure("rw_semaphore", 64,
                  {{"count.counter", 0}, {"owner.counter", 1}, {"wait_list", 3}});
  linux.structure("rwsem_waiter", 64, {{"list", 0}, {"task", 3}});
  link_waiters();
  put(lock, 0, 3), put(lock, 1, owner);
  expect_held(read("rwsem_down_write_slowpath"), "rw semaphore");
  const auto state = [&](std::uint64_t count, std::uint64_t word) {
    put(lock, 0, count), put(lock, 1, word);
    const auto locks = read("rwsem_down_write_slowpath");
    EXPECT_EQ(locks.size(), 1U) << said;
    EXPECT_EQ(locks.at(0).owner_tid, std::nullopt);
    EXPECT_EQ(said, "");
    return locks.at(0).state.value_or("?");
  };
  EXPECT_EQ(state(0x202, owner | 1), "shared");
  EXPECT_EQ(state(2, owner | 1), "free");  // the word of a reader that has gone
  EXPECT_EQ(state(2, owner), "free");      // of a writer that is going
  EXPECT_EQ(state(0x102, owner), "shared");
  EXPECT_EQ(state(3, 0), "held");  // a writer that has not yet said who it is
  EXPECT_EQ(state(3, owner | 1), "held");
  EXPECT_EQ(state(0x8000000000000002, owner | 1), "free");
}

// Before: how many have it and want it in the lower half.
TEST_F(LockWithWaiters, ASemaphoreBeforeLinux53) {
  linux.structure("rw_semaphore", 64, {{"count.counter", 0}, {"owner", 1}, {"wait_list", 3}});
  linux.structure("rwsem_waiter", 64, {{"list", 0}, {"task", 3}});
  link_waiters();
  put(lock, 0, 0xffffffff00000001), put(lock, 1, owner);
  expect_held(read("rwsem_down_write_failed"), "rw semaphore");
  put(lock, 0, 0xffffffff00000000);
  const auto locks = read("rwsem_down_write_failed");
  ASSERT_EQ(locks.size(), 1U) << said;
  EXPECT_EQ(locks[0].state, "free");
  EXPECT_EQ(locks[0].owner_tid, std::nullopt);
}

TEST_F(LockWithWaiters, AnRtMutex) {
  wait_for_rt_mutex("rt_mutex_base");
  expect_held(read("rt_mutex_slowlock_block"), "rt mutex");
}

TEST_F(LockWithWaiters, AnRtMutexBeforeLinux515) {
  wait_for_rt_mutex("rt_mutex");
  expect_held(read("__rt_mutex_slowlock"), "rt mutex");
}

}  // namespace
}  // namespace panicroom::linux_kernel
