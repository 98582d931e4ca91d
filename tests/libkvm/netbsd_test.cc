// NetBSD's face of libkvm: kinfo_proc2 and kinfo_lwp, arguments, what a file without a header
// answers.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>

#include "native/libkvm/include/panicroom/netbsd/kvm.h"
#include "native/libkvm/include/panicroom/netbsd/panicroom_kinfo.h"
#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;
using kvm_tests::words;

class NetBsd : public testing::Test {
 protected:
  ~NetBsd() override {
    if (kd != nullptr) kvm_close(kd);
  }
  void open(const DumpFiles& files) {
    kd = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
    ASSERT_NE(kd, nullptr) << why;
  }
  const kinfo_proc2* process(int pid) {
    int count = 0;
    const kinfo_proc2* const record =
        kvm_getproc2(kd, KERN_PROC_PID, pid, sizeof(kinfo_proc2), &count);
    EXPECT_EQ(count, 1) << kvm_geterr(kd);
    return record;
  }
  kvm_t* kd = nullptr;
  char why[2048] = {};
};

TEST_F(NetBsd, kvm_open_AndClose) {
  const DumpFiles files("netbsd-7-99-4-tables", "netbsd-7-99-4-sparse");
  kd = kvm_open(files.kernel(), files.dump(), nullptr, O_RDONLY, nullptr);
  ASSERT_NE(kd, nullptr);
  EXPECT_EQ(kvm_close(kd), 0);
  kd = nullptr;
}

// lib/libkvm/kvm.c: a file without a header opens; what is asked of it then fails.
TEST_F(NetBsd, kvm_openfiles_WithoutAHeader) {
  const kvm_tests::Folder folder;
  for (const char* const text : {"this is a text file", ""}) {
    kd = kvm_openfiles(nullptr, folder.put("text", text).c_str(), nullptr, O_RDONLY, why);
    ASSERT_NE(kd, nullptr) << why;
    char byte = 0;
    EXPECT_EQ(kvm_read(kd, 0, &byte, 1), -1);
    EXPECT_EQ(std::string(kvm_geterr(kd)).substr(0, 20), "no valid dump header");
    EXPECT_EQ(kvm_close(kd), 0);
  }
  kd = nullptr;
}

TEST_F(NetBsd, kvm_getkernelname_IsTheFile) {
  const DumpFiles files("netbsd-7-99-4-tables", "netbsd-7-99-4-full");
  open(files);
  EXPECT_STREQ(kvm_getkernelname(kd), files.kernel());
}

TEST_F(NetBsd, kvm_getproc2_Members) {
  const DumpFiles files("netbsd-7-99-4-tables", "netbsd-7-99-4-full");
  open(files);
  int count = 0;
  const kinfo_proc2* const records =
      kvm_getproc2(kd, KERN_PROC_ALL, 0, sizeof(kinfo_proc2), &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), files.processes());
  for (int index = 0; index < count; ++index) {
    const kinfo_proc2& record = records[index];
    const foundry::ProcessText& wanted = files.process(record.p_pid);
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(record.p_paddr, wanted.address);
    EXPECT_EQ(record.p_ppid, wanted.ppid);
    EXPECT_EQ(record.p__pgid, wanted.group);
    EXPECT_EQ(record.p_sid, wanted.session);
    EXPECT_EQ(record.p_uid, wanted.uid);
    EXPECT_EQ(record.p_ruid, wanted.real_uid);
    EXPECT_EQ(record.p_gid, wanted.gid);
    EXPECT_EQ(record.p_rgid, wanted.real_gid);
    EXPECT_EQ(record.p_nice, wanted.nice + 20);
    EXPECT_EQ(record.p_nlwps, wanted.threads.size());
    EXPECT_EQ(record.p_vm_rssize, static_cast<std::int32_t>(wanted.resident_pages));
    EXPECT_EQ(record.p_vm_vsize, static_cast<std::int64_t>(wanted.size / 4096));
    EXPECT_EQ(record.p_realstat == SZOMB, wanted.zombie);
    EXPECT_EQ(std::string(record.p_comm), wanted.name);
    EXPECT_EQ((record.p_eflag & EPROC_SLEADER) != 0, wanted.session == wanted.pid);
  }
}

// A program compiled with a shorter structure, or a longer one, gets as much of each record.
TEST_F(NetBsd, kvm_getproc2_OfOtherSizes) {
  open(DumpFiles("netbsd-7-99-4-tables", "netbsd-7-99-4-full"));
  for (const std::size_t size : {std::size_t{120}, sizeof(kinfo_proc2) + 64}) {
    int count = 0;
    const auto* const bytes =
        reinterpret_cast<const char*>(kvm_getproc2(kd, KERN_PROC_UID, 1001, size, &count));
    ASSERT_NE(bytes, nullptr) << kvm_geterr(kd);
    ASSERT_EQ(count, 2);
    std::int32_t pids[2];
    for (int index = 0; index < 2; ++index)
      std::memcpy(&pids[index],
                  bytes + static_cast<std::size_t>(index) * size + offsetof(kinfo_proc2, p_pid), 4);
    EXPECT_EQ(pids[0] + pids[1], 812 + 640);
  }
  int count = 0;
  EXPECT_EQ(kvm_getproc2(kd, KERN_PROC_ALL, 0, 0, &count), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "the size of a record is 0");
}

TEST_F(NetBsd, kvm_getproc2_Chooses) {
  open(DumpFiles("netbsd-7-99-4-tables", "netbsd-7-99-4-full"));
  const std::pair<int, int> one[] = {
      {KERN_PROC_PID, 812}, {KERN_PROC_RUID, 1002}, {KERN_PROC_RGID, 21}};
  for (const auto& [op, arg] : one) {
    int count = 0;
    const kinfo_proc2* const records = kvm_getproc2(kd, op, arg, sizeof(kinfo_proc2), &count);
    ASSERT_EQ(count, 1) << op;
    EXPECT_EQ(records->p_pid, 812);
  }
  int count = 0;
  kvm_getproc2(kd, KERN_PROC_PGRP, 812, sizeof(kinfo_proc2), &count);
  EXPECT_EQ(count, 2);
  kvm_getproc2(kd, KERN_PROC_SESSION, 800, sizeof(kinfo_proc2), &count);
  EXPECT_EQ(count, 2);
  kvm_getproc2(kd, KERN_PROC_GID, 20, sizeof(kinfo_proc2), &count);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(kvm_getproc2(kd, 77, 0, sizeof(kinfo_proc2), &count), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "invalid filter");
  EXPECT_EQ(kvm_getproc2(kd, KERN_PROC_TTY, 0, sizeof(kinfo_proc2), &count), nullptr);
}

TEST_F(NetBsd, kvm_getlwps_OfAProcess) {
  const DumpFiles files("netbsd-7-99-4-tables", "netbsd-7-99-4-full");
  open(files);
  const foundry::ProcessText& wanted = files.process(812);
  int count = 0;
  const kinfo_lwp* const records = kvm_getlwps(kd, 812, wanted.address, sizeof(kinfo_lwp), &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), wanted.threads.size());
  for (int index = 0; index < count; ++index) {
    const kinfo_lwp& record = records[index];
    const foundry::ThreadText* thread = nullptr;
    for (const foundry::ThreadText& one : wanted.threads)
      if (one.tid == record.l_lid) thread = &one;
    ASSERT_NE(thread, nullptr);
    EXPECT_EQ(record.l_laddr, thread->address);
    EXPECT_EQ(record.l_pid, 812);
    EXPECT_EQ(record.l_priority, thread->priority);
    // sys/sys/lwp.h: on a processor 7, runnable 2, asleep 3.
    EXPECT_EQ(record.l_stat, thread->cpu ? 7 : thread->state == "running" ? 2 : 3);
    // What one that runs waited for before stays in it, and is not shown.
    EXPECT_EQ(std::string(record.l_wmesg),
              thread->state == "sleeping" ? thread->message.substr(0, 7) : "");
  }
  kvm_getlwps(kd, 99999, 0, sizeof(kinfo_lwp), &count);
  EXPECT_EQ(count, 0);
}

TEST_F(NetBsd, kvm_getargv2_And_kvm_getenvv2) {
  const DumpFiles files("netbsd-7-99-4-tables", "netbsd-7-99-4-full");
  open(files);
  const kinfo_proc2 shell = *process(812);
  EXPECT_EQ(words(kvm_getargv2(kd, &shell, 0)), files.process(812).arguments);
  EXPECT_EQ(words(kvm_getenvv2(kd, &shell, 0)), files.process(812).environment);
  const kinfo_proc2 gone = *process(640);
  EXPECT_EQ(kvm_getargv2(kd, &gone, 0), nullptr);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

}  // namespace
