// OpenBSD's face of libkvm: kvm_getprocs with its size of a record, threads, arguments.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "native/libkvm/include/panicroom/openbsd/kvm.h"
#include "native/libkvm/include/panicroom/openbsd/panicroom_kinfo.h"
#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;
using kvm_tests::words;

class OpenBsd : public testing::Test {
 protected:
  ~OpenBsd() override {
    if (kd != nullptr) kvm_close(kd);
  }
  void open(const DumpFiles& files) {
    kd = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
    ASSERT_NE(kd, nullptr) << why;
  }
  kvm_t* kd = nullptr;
  char why[2048] = {};
};

TEST_F(OpenBsd, kvm_open_AndClose) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  kd = kvm_open(files.kernel(), files.dump(), nullptr, O_RDONLY, nullptr);
  ASSERT_NE(kd, nullptr);
  EXPECT_EQ(kvm_close(kd), 0);
  kd = nullptr;
}

TEST_F(OpenBsd, kvm_openfiles_WithoutAHeader) {
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

TEST_F(OpenBsd, kvm_openfiles_AnotherDevice) {
  EXPECT_EQ(kvm_openfiles(nullptr, "/dev/zero", nullptr, O_RDONLY, why), nullptr);
  EXPECT_STREQ(why, "/dev/zero: not physical memory device");
}

// sys/sys/proc.h; of several threads, the one that is most alive.
int merged_state(const foundry::ProcessText& process) {
  static const std::map<std::string, int> numbers = {
      {"new", 1},  {"running", 2}, {"sleeping", 3}, {"uninterruptible", 3},
      {"idle", 3}, {"stopped", 4}, {"traced", 4}};
  if (process.zombie) return SDEAD;
  std::map<int, int> found;
  for (const foundry::ThreadText& thread : process.threads)
    ++found[thread.cpu ? 7 : numbers.at(thread.state.empty() ? "sleeping" : thread.state)];
  for (const int state : {7, 2, 4, 3})
    if (found.count(state) != 0) return state;
  return SIDL;
}

TEST_F(OpenBsd, kvm_getprocs_Members) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  open(files);
  int count = 0;
  const kinfo_proc* const records =
      kvm_getprocs(kd, KERN_PROC_KTHREAD, 0, sizeof(kinfo_proc), &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), files.processes());
  for (int index = 0; index < count; ++index) {
    const kinfo_proc& record = records[index];
    const foundry::ProcessText& wanted = files.process(record.p_pid);
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(record.p_ppid, wanted.ppid);
    EXPECT_EQ(record.p__pgid, wanted.group);
    EXPECT_EQ(record.p_sid, wanted.session);
    EXPECT_EQ(record.p_uid, wanted.uid);
    EXPECT_EQ(record.p_ruid, wanted.real_uid);
    EXPECT_EQ(record.p_gid, wanted.gid);
    EXPECT_EQ(record.p_rgid, wanted.real_gid);
    EXPECT_EQ(record.p_nice, wanted.nice + 20);
    EXPECT_EQ(record.p_stat, merged_state(wanted));
    EXPECT_EQ(record.p_tid, -1);
    EXPECT_EQ(record.p_vm_map_size, wanted.size);
    EXPECT_EQ(std::string(record.p_comm), wanted.name.substr(0, 23));
    // The address is that of the main thread's structure.
    if (!wanted.threads.empty()) {
      EXPECT_EQ(record.p_paddr, wanted.threads.front().address);
    }
  }
}

// Kernel processes have PS_SYSTEM (0x10000, sys/sys/proc.h) and are no part of KERN_PROC_ALL.
TEST_F(OpenBsd, kvm_getprocs_WithoutTheKernels) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  open(files);
  int count = 0;
  const kinfo_proc* const records = kvm_getprocs(kd, KERN_PROC_ALL, 0, sizeof(kinfo_proc), &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  std::size_t wanted = 0;
  for (const foundry::ProcessText& one : files.description.processes)
    if ((one.flags & 0x10000) == 0) ++wanted;
  EXPECT_EQ(static_cast<std::size_t>(count), wanted);
  EXPECT_LT(wanted, files.processes());
  for (int index = 0; index < count; ++index)
    EXPECT_EQ(files.process(records[index].p_pid).flags & 0x10000, 0U);
}

TEST_F(OpenBsd, kvm_getprocs_Threads) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  open(files);
  const foundry::ProcessText& wanted = files.process(48123);
  int count = 0;
  const kinfo_proc* const records =
      kvm_getprocs(kd, KERN_PROC_PID | KERN_PROC_SHOW_THREADS, 48123, sizeof(kinfo_proc), &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), wanted.threads.size() + 1);
  EXPECT_EQ(records[0].p_tid, -1);
  for (std::size_t index = 0; index < wanted.threads.size(); ++index) {
    EXPECT_EQ(records[index + 1].p_tid, wanted.threads[index].tid + 100000);
    EXPECT_EQ(records[index + 1].p_paddr, wanted.threads[index].address);
  }
  EXPECT_EQ(records[1].p_stat, SONPROC);
  EXPECT_EQ(records[2].p_stat, SSLEEP);
  EXPECT_STREQ(records[2].p_wmesg, "nanoslp");
  EXPECT_EQ(records[2].p_wchan, 0xffffffff80203000);
  EXPECT_EQ(records[3].p_stat, SSTOP);
}

TEST_F(OpenBsd, kvm_getprocs_Refuses) {
  open(DumpFiles("openbsd-7-6", "openbsd-7-6-kcore"));
  int count = 0;
  EXPECT_EQ(kvm_getprocs(kd, KERN_PROC_ALL, 0, sizeof(kinfo_proc) + 1, &count), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "unknown fields requested: libkvm out of date?");
  EXPECT_EQ(kvm_getprocs(kd, 77, 0, sizeof(kinfo_proc), &count), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "invalid filter");
  EXPECT_EQ(kvm_getprocs(kd, KERN_PROC_ALL, 0, 0, &count), nullptr);
}

TEST_F(OpenBsd, kvm_getprocs_OfAnOlderProgram) {
  open(DumpFiles("openbsd-7-6", "openbsd-7-6-kcore"));
  int count = 0;
  const auto* const bytes =
      reinterpret_cast<const char*>(kvm_getprocs(kd, KERN_PROC_UID, 1001, 616, &count));
  ASSERT_NE(bytes, nullptr);
  std::int32_t pid = 0;
  std::memcpy(&pid, bytes + offsetof(kinfo_proc, p_pid), 4);
  EXPECT_EQ(pid, 48123);
}

TEST_F(OpenBsd, kvm_getfiles_Members) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  open(files);
  const foundry::ProcessText& process = files.process(48123);
  int count = 0;
  const kinfo_file* const records =
      kvm_getfiles(kd, KERN_FILE_BYPID, 48123, sizeof(kinfo_file), &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), process.descriptors.size());
  // sys/sys/file.h and vnode.h.
  const std::map<std::string, std::pair<unsigned, unsigned>> types = {
      {"file", {1, 1}},   {"directory", {1, 2}}, {"device", {1, 4}}, {"pipe", {3, 0}},
      {"kqueue", {4, 0}}, {"tcp", {2, 0}},       {"udp6", {2, 0}},   {"unix-stream", {2, 0}}};
  for (int index = 0; index < count; ++index) {
    const kinfo_file& record = records[index];
    const foundry::DescriptorText& wanted = process.descriptors[static_cast<std::size_t>(index)];
    SCOPED_TRACE(wanted.type);
    EXPECT_EQ(record.fd_fd, wanted.number);
    EXPECT_EQ(record.f_fileaddr, wanted.address);
    EXPECT_EQ(record.p_pid, 48123U);
    EXPECT_EQ(record.p_uid, 1001U);
    EXPECT_EQ(record.p_gid, 20U);
    EXPECT_STREQ(record.p_comm, "ksh");
    EXPECT_EQ(record.f_flag & FREAD, wanted.access.find('r') != std::string::npos ? 1U : 0U);
    EXPECT_EQ(record.f_flag & FWRITE, wanted.access.find('w') != std::string::npos ? 2U : 0U);
    const auto type = types.find(wanted.type);
    if (type == types.end()) continue;
    EXPECT_EQ(record.f_type, type->second.first);
    EXPECT_EQ(record.v_type, type->second.second);
  }
}

TEST_F(OpenBsd, kvm_getfiles_Chooses) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  open(files);
  std::size_t all = 0, of_user = 0;
  for (const foundry::ProcessText& process : files.description.processes) {
    all += process.descriptors.size();
    if (process.uid == 1001) of_user += process.descriptors.size();
  }
  int count = 0;
  kvm_getfiles(kd, KERN_FILE_BYPID, -1, sizeof(kinfo_file), &count);
  EXPECT_EQ(static_cast<std::size_t>(count), all);
  kvm_getfiles(kd, KERN_FILE_BYUID, 1001, sizeof(kinfo_file), &count);
  EXPECT_EQ(static_cast<std::size_t>(count), of_user);
  EXPECT_GT(of_user, 0U);
  kvm_getfiles(kd, KERN_FILE_BYFILE, 0, sizeof(kinfo_file), &count);
  EXPECT_EQ(static_cast<std::size_t>(count), all);
  EXPECT_EQ(kvm_getfiles(kd, 9, 0, sizeof(kinfo_file), &count), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "invalid filter");
  EXPECT_EQ(kvm_getfiles(kd, KERN_FILE_BYPID, 1, sizeof(kinfo_file) + 1, &count), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "unknown fields requested: libkvm out of date?");
}

TEST_F(OpenBsd, kvm_getargv_And_kvm_getenvv) {
  const DumpFiles files("openbsd-7-6", "openbsd-7-6-kcore");
  open(files);
  kinfo_proc process{};
  process.p_pid = 48123;
  EXPECT_EQ(words(kvm_getargv(kd, &process, 0)), files.process(48123).arguments);
  EXPECT_EQ(words(kvm_getenvv(kd, &process, 0)), files.process(48123).environment);
}

}  // namespace
