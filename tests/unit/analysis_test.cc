// The kernels' words are those of their sources: Linux arch/x86/mm/fault.c (show_fault_oops),
// arch/arm64/mm/fault.c, lib/bug.c, lib/list_debug.c, kernel/{panic,watchdog,hung_task,exit}.c;
// FreeBSD sys/amd64/amd64/trap.c (trap_fatal), sys/kern/kern_shutdown.c, sys/vm/uma_dbg.c.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "core/analysis/analyze.h"
#include "core/analysis/call_path.h"
#include "core/analysis/cause.h"
#include "core/analysis/instruction.h"
#include "core/analysis/last_words.h"
#include "core/kernel/deadlock.h"
#include "tests/unit/counting_kernel.h"
#include "tests/unit/kernel_memory.h"
#include "tests/unit/log_lines.h"

namespace panicroom {
namespace {

using test::lines;

constexpr const char* fatal = "Kernel panic - not syncing: Fatal exception";

TEST(LinuxLastWords, NullDereference) {
  const auto words = linux_last_words(
      lines({"BUG: kernel NULL pointer dereference, address: 0000000000000018",
             "#PF: supervisor write access in kernel mode",
             "#PF: error_code(0x0002) - not-present page", "Oops: 0002 [#1] PREEMPT SMP", fatal}));
  EXPECT_EQ(words.death, Death::null_dereference);
  EXPECT_EQ(words.fault_address, 0x18U);
  EXPECT_EQ(words.access, "write");
  EXPECT_EQ(words.line, 0U);
  EXPECT_EQ(words.panic, 4U);
}

TEST(LinuxLastWords, OldKernelsTellTheAccessByTheErrorCode) {
  const auto words = linux_last_words(
      lines({"BUG: unable to handle kernel NULL pointer dereference at 0000000000000008",
             "IP: [<ffffffff81234567>] foo+0x1/0x2", "Oops: 0002 [#1] SMP"}));
  EXPECT_EQ(words.death, Death::null_dereference);
  EXPECT_EQ(words.fault_address, 8U);
  EXPECT_EQ(words.access, "write");
}

TEST(LinuxLastWords, CallOfANullPointer) {
  const auto words =
      linux_last_words(lines({"BUG: kernel NULL pointer dereference, address: 0000000000000000",
                              "#PF: supervisor instruction fetch in kernel mode", fatal}));
  EXPECT_EQ(words.death, Death::null_call);
}

TEST(LinuxLastWords, Arm64) {
  const auto words = linux_last_words(lines(
      {"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000040",
       "Mem abort info:", "  ESR = 0x0000000096000046", "Data abort info:", "  CM = 0, WnR = 1",
       "Internal error: Oops: 0000000096000046 [#1] SMP",
       "Kernel panic - not syncing: Oops: Fatal exception"}));
  EXPECT_EQ(words.death, Death::null_dereference);
  EXPECT_EQ(words.fault_address, 0x40U);
  EXPECT_EQ(words.access, "write");
}

TEST(LinuxLastWords, TheLatestReportCounts) {
  const auto words = linux_last_words(lines(
      {"WARNING: CPU: 0 PID: 1 at kernel/foo.c:12 foo+0x1/0x2", "something", "else", "1", "2", "3",
       "4", "5", "6", "kernel BUG at mm/bar.c:77!", "invalid opcode: 0000 [#1] SMP", fatal}));
  EXPECT_EQ(words.death, Death::assertion);
  EXPECT_EQ(words.place, "mm/bar.c:77");
  EXPECT_EQ(words.line, 9U);
}

TEST(LinuxLastWords, ListCorruption) {
  const auto words = linux_last_words(
      lines({"list_del corruption. prev->next should be ffff888000000000, but was 0",
             "kernel BUG at lib/list_debug.c:53!", fatal}));
  EXPECT_EQ(words.death, Death::list_corruption);
  EXPECT_EQ(words.detail, "list_del corruption. prev->next should be ffff888000000000, but was 0");
}

TEST(LinuxLastWords, Lockups) {
  auto words =
      linux_last_words(lines({"watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [stuck:123]",
                              "Kernel panic - not syncing: softlockup: hung tasks"}));
  EXPECT_EQ(words.death, Death::soft_lockup);
  EXPECT_EQ(words.cpu, 3U);
  EXPECT_EQ(words.seconds, 26U);
  EXPECT_EQ(words.line, 0U);
  words = linux_last_words(lines({"NMI watchdog: Watchdog detected hard LOCKUP on cpu 5",
                                  "Kernel panic - not syncing: Hard LOCKUP"}));
  EXPECT_EQ(words.death, Death::hard_lockup);
  EXPECT_EQ(words.cpu, 5U);
}

TEST(LinuxLastWords, HungTasksAreAllNamed) {
  const auto words =
      linux_last_words(lines({"INFO: task first:10 blocked for more than 120 seconds.", "details",
                              "INFO: task with:colon:11 blocked for more than 121 seconds.",
                              "Kernel panic - not syncing: hung_task: blocked tasks"}));
  EXPECT_EQ(words.death, Death::hung_task);
  ASSERT_EQ(words.hung.size(), 2U);
  EXPECT_EQ(words.hung[0].tid, 10);
  EXPECT_EQ(words.hung[0].name, "first");
  EXPECT_EQ(words.hung[0].seconds, 120U);
  EXPECT_EQ(words.hung[1].tid, 11);
  EXPECT_EQ(words.hung[1].name, "with:colon");
}

TEST(Cause, OfAThreadThatWasComplainedOfAgainIsToldOnce) {
  Scene scene;
  scene.death = Death::hung_task;
  Thread thread;
  thread.tid = 10;
  thread.name = "first";
  scene.threads.push_back(thread);
  scene.subject = 0;
  scene.words = linux_last_words(lines({"INFO: task first:10 blocked for more than 120 seconds.",
                                        "INFO: task other:11 blocked for more than 120 seconds.",
                                        "INFO: task first:10 blocked for more than 241 seconds.",
                                        "Kernel panic - not syncing: hung_task: blocked tasks"}));
  panicroom::testing::CountingKernel kernel;
  Notes notes;
  EXPECT_EQ(cause_of(scene, kernel, notes),
            "first (tid 10) waited for more than 241 s in the kernel");
}

TEST(LinuxLastWords, WhatPanicWasToldCounts) {
  const auto death = [](const char* panic) {
    return linux_last_words(lines({"an ordinary line", panic})).death;
  };
  EXPECT_EQ(death("Kernel panic - not syncing: sysrq triggered crash"), Death::sysrq);
  EXPECT_EQ(death("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled"),
            Death::out_of_memory);
  EXPECT_EQ(death("Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"),
            Death::init_killed);
  EXPECT_EQ(death("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"),
            Death::no_root);
  EXPECT_EQ(death("Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f"),
            Death::stack_corruption);
  EXPECT_EQ(death("Kernel panic - not syncing: NMI: Not continuing"), Death::nmi);
  EXPECT_EQ(death("Kernel panic - not syncing: a reason of some driver"), Death::panic);
  EXPECT_EQ(linux_last_words(lines({"all is well"})).death, Death::unknown);
}

TEST(LinuxLastWords, APanicWithoutAColonIsItsOwnDetail) {
  for (const char* line : {"Kernel panic - not syncing Attempted to kill init!",
                           "Kernel panic - not syncing No init found",
                           "Kernel panic - not syncing stack-protector:"}) {
    const auto words = linux_last_words(lines({line}));
    EXPECT_EQ(words.panic, 0U);
    EXPECT_EQ(words.detail, line);
  }
}

TEST(LinuxLastWords, AReportLongBeforeAPanicOfItsOwnDoesNotHideIt) {
  const auto words = linux_last_words(lines(
      {"BUG: unable to handle page fault for address: ffffc90000000000", "the machine went on",
       "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009"}));
  EXPECT_EQ(words.death, Death::init_killed);
  EXPECT_EQ(words.line, 2U);
}

TEST(FreebsdLastWords, PageFault) {
  const auto words =
      freebsd_last_words(lines({"panic: an older one", "---<<BOOT>>---",
                                "Fatal trap 12: page fault while in kernel mode",
                                "cpuid = 3; apic id = 03", "fault virtual address\t= 0x18",
                                "fault code\t\t= supervisor write data, page not present",
                                "trap number\t\t= 12", "panic: page fault", "cpuid = 3"}),
                         "page fault");
  EXPECT_EQ(words.death, Death::null_dereference);
  EXPECT_EQ(words.fault_address, 0x18U);
  EXPECT_EQ(words.access, "write");
  EXPECT_EQ(words.line, 2U);
  EXPECT_EQ(words.panic, 7U);
}

TEST(FreebsdLastWords, WhatPanicWasToldCounts) {
  const auto death = [](const char* text) { return freebsd_last_words({}, text).death; };
  EXPECT_EQ(death("Duplicate free of 0xfffff80003c0d000 from zone 0xfffff (128) slab 0xfffff(3)"),
            Death::double_free);
  EXPECT_EQ(death("Memory modified after free 0xfffff80003c0d000(120) val=0 @ 0xfffff80003c0d000"),
            Death::use_after_free);
  EXPECT_EQ(
      death("deadlres_td_sleep_q: possible deadlock detected for 0xfffff80003, blocked for 1801"),
      Death::hung_task);
  EXPECT_EQ(death("general protection fault"), Death::general_protection);
  EXPECT_EQ(death("kdb_sysctl_panic"), Death::sysrq);
  EXPECT_EQ(death("Going nowhere without my init!"), Death::init_killed);
  EXPECT_EQ(death("some driver's own reason"), Death::panic);
  EXPECT_EQ(death(""), Death::unknown);
  const auto words = freebsd_last_words({}, "Assertion x == 1 failed at /usr/src/sys/kern/a.c:12");
  EXPECT_EQ(words.death, Death::assertion);
  EXPECT_EQ(words.place, "/usr/src/sys/kern/a.c:12");
}

/// The kind of death that is told of a kernel without a crashed thread.
std::string kind_without_crashed_thread(std::optional<Error> threads_error,
                                        std::optional<Error> log_error) {
  testing::CountingKernel kernel;
  kernel.space = test::address_space(std::make_shared<test::KernelMemory>());
  kernel.populate(3);
  kernel.log_lines = {"all is well"};
  kernel.threads_error = std::move(threads_error);
  kernel.log_error = std::move(log_error);
  std::string kind;
  Notes notes;
  analyze(
      kernel,
      [&](const Statement& statement) {
        if (statement.topic == "kind") kind = statement.text;
        return true;
      },
      notes);
  return kind;
}

TEST(Analyze, OnlyALogAndThreadsThatWereReadTellThatAKernelWasRunning) {
  const Error damaged{ErrorCode::corrupt, Absence::none, "the page is damaged", 0x1000,
                      std::nullopt};
  EXPECT_EQ(kind_without_crashed_thread({}, {}), "running");
  EXPECT_EQ(kind_without_crashed_thread({}, damaged), "unknown");
  EXPECT_EQ(kind_without_crashed_thread(damaged, {}), "unknown");
}

TEST(CallPath, NamesWithoutWhatCompilersAppend) {
  EXPECT_EQ(plain_name("die_recurse.isra.0"), "die_recurse");
  EXPECT_EQ(plain_name("__mutex_lock.constprop.0"), "__mutex_lock");
  EXPECT_EQ(plain_name("oops_end.cold"), "oops_end");
  EXPECT_EQ(plain_name("f.part.3.isra.1"), "f");
  EXPECT_EQ(plain_name("main"), "main");
  EXPECT_EQ(plain_name(".cold"), ".cold");
}

Call call(const char* function, bool exact = false, const char* module = "") {
  Call made;
  made.function = function;
  made.module = module;
  made.frame.exact = exact;
  return made;
}

TEST(CallPath, TheSignatureIsThatOfTheDocumentedHash) {
  // The digits are those of a separate program's FNV-1a.
  const std::vector<Call> calls = {call("die_null_dereference", true, "die"),
                                   call("die_null_dereference", false, "die"), call(""),
                                   call("param_attr_store")};
  EXPECT_EQ(signature(Death::null_dereference, calls),
            "f53a3787d7281a6f null dereference: die!die_null_dereference < param_attr_store");
  EXPECT_EQ(signature(Death::sysrq, calls), "d22632c72719f197 sysrq");
}

TEST(CallPath, TheCulpritStandsBehindTheHandlers) {
  const std::vector<Call> calls = {
      call("delay_tsc", true), call("panic"),          call("oops_end"),
      call("page_fault_oops"), call("exc_page_fault"), call("asm_exc_page_fault"),
      call("memcpy", true),    call("careless"),       call("do_syscall_64")};
  const Culprit culprit = find_culprit(calls, Death::page_fault);
  EXPECT_EQ(culprit.trapped, 6U);
  EXPECT_EQ(culprit.function, 7U);
  EXPECT_EQ(death_by_stack(calls), Death::page_fault);
}

TEST(CallPath, WhoSpinsForALockIsItsCaller) {
  const std::vector<Call> calls = {call("panic"),
                                   call("watchdog_timer_fn"),
                                   call("asm_sysvec_apic_timer_interrupt"),
                                   call("native_queued_spin_lock_slowpath", true),
                                   call("_raw_spin_lock"),
                                   call("careless", false, "driver"),
                                   call("kthread")};
  const Culprit culprit = find_culprit(calls, Death::soft_lockup);
  EXPECT_EQ(culprit.trapped, 3U);
  EXPECT_EQ(culprit.function, 5U);
}

/// Code that no symbol covers (a module's on a kernel that names none) is not its caller.
TEST(Cause, OfCodeWithoutANameSaysWhereItIs) {
  Scene scene;
  scene.death = Death::null_dereference;
  scene.calls = {call("die"), call("", true), call(""), call("param_attr_store")};
  scene.calls[1].frame.pc = 0xffff800001d7001c;
  scene.calls[2].frame.pc = 0xffff800001d70100;
  scene.culprit = find_culprit(scene.calls, scene.death);
  scene.access = "write";
  scene.fault_address = 0x10;
  panicroom::testing::CountingKernel kernel;
  Notes notes;
  EXPECT_EQ(cause_of(scene, kernel, notes),
            "code without a name at 0xffff800001d7001c (called by param_attr_store) wrote to 0x10: "
            "16 bytes behind a null pointer");
  scene.calls[1].frame.pc = 0;  // where a null pointer was called there is no code
  scene.death = Death::null_call;
  scene.fault_address = 0;
  scene.calls[2] = call("caller");
  scene.culprit = find_culprit(scene.calls, scene.death);
  EXPECT_EQ(cause_of(scene, kernel, notes),
            "caller called 0x0: a null pointer in place of a function");
}

TEST(Cause, OfALockupNamesTheLockOfItsLoop) {
  Scene scene;
  scene.death = Death::soft_lockup;
  Thread thread;
  thread.tid = 10;
  scene.threads.push_back(thread);
  scene.subject = 0;
  scene.words.cpu = 1;
  scene.words.seconds = 26;
  Lock lock;
  lock.kind = "spinlock";
  lock.name = "die_left";
  lock.waiters = lock.spinning = {10};
  scene.locks.push_back(lock);
  scene.index();
  panicroom::testing::CountingKernel kernel;
  Notes notes;
  EXPECT_EQ(cause_of(scene, kernel, notes),
            "the kernel kept processor 1 for 26 s, in a loop for the spinlock die_left, without "
            "letting other threads run");
}

TEST(CallPath, ACallOfPanicIsItsCallersWithinAnInterruptToo) {
  const std::vector<Call> calls = {call("panic"), call("sysrq_handle_crash"),
                                   call("__handle_sysrq"), call("idle", true)};
  EXPECT_EQ(find_culprit(calls, Death::sysrq).function, 1U);
  EXPECT_EQ(death_by_stack(calls), Death::sysrq);
  EXPECT_EQ(death_by_stack(std::vector<Call>{call("schedule")}), Death::unknown);
  EXPECT_EQ(find_culprit({}, Death::sysrq).function, 0U);
}

TEST(Instructions, AreWrittenAsObjdumpDoes) {
  Machine machine;
  machine.architecture = Architecture::x86_64;
  machine.pointer_size = 8;
  Registers registers;
  registers.others = {{"rax", 0x1000}, {"rcx", 0x20}};
  // movl $0x2a,0x10(%rax,%rcx,8)
  constexpr std::array<unsigned char, 8> store = {0xc7, 0x44, 0xc8, 0x10, 0x2a, 0, 0, 0};
  const auto written =
      decode_instruction(machine, std::as_bytes(std::span(store)), 0xffffffff81000000, registers);
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(written->text, "movl $0x2a, 0x10(%rax,%rcx,8)");
  EXPECT_EQ(written->length, 8U);
  EXPECT_EQ(written->registers, (std::vector<std::string>{"rax", "rcx"}));
  ASSERT_EQ(written->memory.size(), 1U);
  EXPECT_EQ(written->memory[0].address, 0x1000U + 0x20 * 8 + 0x10);
  EXPECT_EQ(written->memory[0].size, 4U);
  EXPECT_TRUE(written->memory[0].writes);
  EXPECT_FALSE(written->memory[0].reads);
  // Unknown registers make no address.
  const auto unknown = decode_instruction(machine, std::as_bytes(std::span(store)), 0, {});
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->memory[0].address, std::nullopt);
  // A cut instruction is none.
  const auto cut = decode_instruction(machine, std::as_bytes(std::span(store)).first(3), 0, {});
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, ErrorCode::corrupt);
  machine.architecture = Architecture::riscv64;
  EXPECT_EQ(decode_instruction(machine, std::as_bytes(std::span(store)), 0, {}).error().code,
            ErrorCode::unsupported);
}

Lock lock(std::uint64_t address, std::int64_t owner, std::vector<std::int64_t> waiters) {
  Lock made;
  made.address = address;
  made.owner_tid = owner;
  made.waiters = std::move(waiters);
  return made;
}

TEST(Deadlocks, AreCyclesOfWaits) {
  EXPECT_TRUE(deadlocks({}).empty());
  // 1 waits for 2, which waits for nothing.
  EXPECT_TRUE(deadlocks(std::vector<Lock>{lock(0x10, 2, {1})}).empty());
  const std::vector<Lock> locks = {lock(0x10, 7, {5, 9}), lock(0x20, 5, {7}), lock(0x30, 3, {4}),
                                   lock(0x40, 8, {8})};
  const std::vector<std::vector<std::int64_t>> expected = {{5, 7}, {8}};
  EXPECT_EQ(deadlocks(locks), expected);
}

TEST(Deadlocks, OfThree) {
  const std::vector<Lock> locks = {lock(0x10, 2, {3}), lock(0x20, 1, {2}), lock(0x30, 3, {1, 6})};
  const std::vector<std::vector<std::int64_t>> expected = {{1, 3, 2}};
  EXPECT_EQ(deadlocks(locks), expected);
}

/// Each thread waits for a lock that the next holds.
class RingKernel final : public testing::CountingKernel {
 public:
  Result<void> locks(const Visitor<Lock>& visit, Notes&) override {
    for (std::size_t i = 0; i < thread_list.size(); ++i) {
      const Thread& owner = thread_list[(i + 1) % thread_list.size()];
      if (!visit(lock(0x1000 + 16 * i, *owner.tid, {*thread_list[i].tid}))) break;
    }
    return {};
  }
};

/// A look-up for each of them that were linear in them all would take long.
TEST(Analysis, OfManyThreadsThatWaitForEachOther) {
  constexpr std::int64_t count = 50'000;
  RingKernel kernel;
  kernel.space = test::address_space(std::make_shared<test::KernelMemory>());
  kernel.populate(count);
  for (Thread& thread : kernel.thread_list) thread.state = "uninterruptible";
  kernel.log_lines = {"INFO: task process 1:2 blocked for more than 120 seconds.",
                      "Kernel panic - not syncing: hung_task: blocked tasks"};
  std::string cause;
  Notes notes;
  analyze(
      kernel,
      [&](const Statement& statement) {
        if (statement.topic == "cause") cause = statement.text;
        return statement.topic == "cause" || statement.topic == "kind";
      },
      notes);
  EXPECT_TRUE(cause.starts_with("50000 threads wait for each other")) << cause.substr(0, 100);
}

}  // namespace
}  // namespace panicroom
