// DragonFly's face of libkvm: records with a thread in each, kvm_readstr, kvm_uread by pid, swap.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "native/libkvm/include/panicroom/dragonfly/kvm.h"
#include "native/libkvm/include/panicroom/dragonfly/panicroom_kinfo.h"
#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;
using kvm_tests::words;

class Dragonfly : public testing::Test {
 protected:
  ~Dragonfly() override {
    if (kd != nullptr) kvm_close(kd);
  }
  void open(const DumpFiles& files) {
    kd = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
    ASSERT_NE(kd, nullptr) << why;
  }
  kvm_t* kd = nullptr;
  char why[2048] = {};
};

TEST_F(Dragonfly, kvm_open_AndClose) {
  const DumpFiles files("dragonfly-5-9", "dragonfly-5-9-full");
  kd = kvm_open(files.kernel(), files.dump(), nullptr, O_RDONLY, nullptr);
  ASSERT_NE(kd, nullptr);
  EXPECT_EQ(kvm_close(kd), 0);
  kd = nullptr;
}

TEST_F(Dragonfly, kvm_openfiles_NullDevice) {
  kd = kvm_openfiles(nullptr, "/dev/null", nullptr, O_RDONLY, why);
  ASSERT_NE(kd, nullptr) << why;
  char byte = 0;
  EXPECT_EQ(kvm_read(kd, 0, &byte, 1), -1);
}

TEST_F(Dragonfly, kvm_getprocs_Members) {
  const DumpFiles files("dragonfly-5-9", "dragonfly-5-9-full");
  open(files);
  int count = 0;
  const kinfo_proc* const records = kvm_getprocs(kd, KERN_PROC_ALL, 0, &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), files.processes());
  for (int index = 0; index < count; ++index) {
    const kinfo_proc& record = records[index];
    const foundry::ProcessText& wanted = files.process(record.kp_pid);
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(record.kp_paddr, wanted.address);
    EXPECT_EQ(record.kp_ppid, wanted.pid == 0 ? -1 : wanted.ppid);  // process 0 has no parent
    EXPECT_EQ(record.kp_pgid, wanted.group);
    EXPECT_EQ(record.kp_sid, wanted.session);
    EXPECT_EQ(record.kp_uid, wanted.uid);
    EXPECT_EQ(record.kp_ruid, wanted.real_uid);
    EXPECT_EQ(record.kp_rgid, wanted.real_gid);
    EXPECT_EQ(record.kp_jailid, wanted.jail);
    EXPECT_EQ(record.kp_nice, wanted.nice);
    EXPECT_EQ(static_cast<unsigned>(record.kp_flags), wanted.flags);
    EXPECT_EQ(record.kp_vm_map_size, wanted.size);
    EXPECT_EQ(std::string(record.kp_comm), wanted.name);
    EXPECT_EQ(record.kp_stat == SZOMB, wanted.zombie);
    EXPECT_EQ(record.kp_lwp.kl_tid, -1);
    EXPECT_TRUE(record.kp_tdev == NODEV);
    EXPECT_EQ((record.kp_auxflags & KI_CTTY) != 0, !wanted.terminal.empty());
    if (wanted.threads.empty()) continue;
    const foundry::ThreadText& thread = wanted.threads.front();
    EXPECT_EQ(std::string(record.kp_lwp.kl_wmesg), thread.message.substr(0, 8));
    EXPECT_EQ(record.kp_lwp.kl_wchan, thread.channel);
  }
}

TEST_F(Dragonfly, kvm_getprocs_Threads) {
  const DumpFiles files("dragonfly-5-9", "dragonfly-5-9-v2");
  open(files);
  const foundry::ProcessText& wanted = files.process(812);
  int count = 0;
  const kinfo_proc* const records =
      kvm_getprocs(kd, KERN_PROC_PID | KERN_PROC_FLAG_LWP, 812, &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(static_cast<std::size_t>(count), wanted.threads.size());
  for (int index = 0; index < count; ++index) {
    const kinfo_lwp& record = records[index].kp_lwp;
    const foundry::ThreadText* thread = nullptr;
    for (const foundry::ThreadText& one : wanted.threads)
      if (one.tid == record.kl_tid) thread = &one;
    ASSERT_NE(thread, nullptr) << record.kl_tid;
    EXPECT_EQ(std::string(record.kl_comm), thread->name);
    EXPECT_EQ(record.kl_stat, thread->cpu || thread->state == "running" ? LSRUN : LSSLEEP);
    EXPECT_EQ(record.kl_cpuid, static_cast<int>(thread->last_cpu));
  }
}

TEST_F(Dragonfly, kvm_getprocs_Chooses) {
  open(DumpFiles("dragonfly-5-9", "dragonfly-5-9-v2"));
  const std::pair<int, int> one[] = {{KERN_PROC_PID, 812}, {KERN_PROC_RUID, 1002}};
  for (const auto& [op, arg] : one) {
    int count = 0;
    const kinfo_proc* const records = kvm_getprocs(kd, op, arg, &count);
    ASSERT_EQ(count, 1) << op;
    EXPECT_EQ(records->kp_pid, 812);
  }
  int count = 0;
  kvm_getprocs(kd, KERN_PROC_PGRP, 812, &count);
  EXPECT_EQ(count, 2);
  kvm_getprocs(kd, KERN_PROC_SESSION, 800, &count);
  EXPECT_EQ(count, 2);
  kvm_getprocs(kd, KERN_PROC_UID, 1001, &count);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(kvm_getprocs(kd, KERN_PROC_TTY, 0, &count), nullptr);
}

TEST_F(Dragonfly, kvm_getargv_And_kvm_getenvv) {
  const DumpFiles files("dragonfly-5-9", "dragonfly-5-9-full");
  open(files);
  kinfo_proc process{};
  process.kp_pid = 812;
  EXPECT_EQ(words(kvm_getargv(kd, &process, 0)), files.process(812).arguments);
  EXPECT_EQ(words(kvm_getenvv(kd, &process, 0)), files.process(812).environment);
}

TEST_F(Dragonfly, kvm_uread_ByPid) {
  const DumpFiles files("dragonfly-5-9", "dragonfly-5-9-full");
  open(files);
  const std::uint64_t strings = files.process(812).strings;
  char bytes[8] = {};
  ASSERT_EQ(kvm_uread(kd, 812, strings, bytes, sizeof bytes), 8) << kvm_geterr(kd);
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, 8);
  EXPECT_NE(word, 0U);
  EXPECT_EQ(kvm_uread(kd, 99999, strings, bytes, 8), -1);
  EXPECT_STREQ(kvm_geterr(kd), "no process 99999");
}

// kvm_read(3): the length has the NUL, also where the buffer is too short.
class DragonflyString : public Dragonfly {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(open(DumpFiles("dragonfly-5-9", "dragonfly-5-9-v2")));
    struct nlist names[] = {{"_version", 0, 0, 0, 0}, {nullptr, 0, 0, 0, 0}};
    ASSERT_EQ(kvm_nlist(kd, names), 0) << kvm_geterr(kd);
    address = names[0].n_value;
    std::vector<char> text(200);
    ASSERT_EQ(kvm_read(kd, address, text.data(), text.size()), 200);
    wanted = text.data();
    ASSERT_EQ(wanted.substr(0, 9), "DragonFly");
  }
  unsigned long address = 0;
  std::string wanted;
};

TEST_F(DragonflyString, kvm_readstr_IntoABuffer) {
  char text[200];
  std::size_t length = sizeof text;
  EXPECT_EQ(kvm_readstr(kd, address, text, &length), text);
  EXPECT_EQ(text, wanted);
  EXPECT_EQ(length, wanted.size() + 1);
}
TEST_F(DragonflyString, kvm_readstr_ThatIsJustLongEnough) {
  std::string text(wanted.size() + 1, 'x');
  std::size_t length = text.size();
  EXPECT_EQ(kvm_readstr(kd, address, text.data(), &length), text.data());
  length = wanted.size();
  EXPECT_EQ(kvm_readstr(kd, address, text.data(), &length), nullptr);
  EXPECT_EQ(length, wanted.size() + 1);
}
TEST_F(DragonflyString, kvm_readstr_IntoTooShortABuffer) {
  char text[6] = "zzzzz";
  std::size_t length = 5;
  EXPECT_EQ(kvm_readstr(kd, address, text, &length), nullptr);
  EXPECT_EQ(length, wanted.size() + 1);
  EXPECT_EQ(std::string(text, 6), wanted.substr(0, 5) + std::string(1, '\0'));
}
TEST_F(DragonflyString, kvm_readstr_Allocates) {
  std::size_t length = 0;
  char* const text = kvm_readstr(kd, address, nullptr, &length);
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text, wanted);
  EXPECT_EQ(length, wanted.size() + 1);
  std::free(text);
  char* const another = kvm_readstr(kd, address, nullptr, nullptr);
  ASSERT_NE(another, nullptr);
  EXPECT_EQ(another, wanted);
  std::free(another);
}
TEST_F(DragonflyString, kvm_readstr_OfNoAddress) {
  EXPECT_EQ(kvm_readstr(kd, 16, nullptr, nullptr), nullptr);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

TEST_F(Dragonfly, kvm_getfiles_Members) {
  const DumpFiles files("dragonfly-5-9", "dragonfly-5-9-v2");
  open(files);
  int count = 0;
  const kinfo_file* const records = kvm_getfiles(kd, 0, 0, &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  std::size_t wanted = 0;
  for (const foundry::ProcessText& process : files.description.processes)
    wanted += process.descriptors.size();
  ASSERT_EQ(static_cast<std::size_t>(count), wanted);
  // sys/sys/file.h, by the descriptions' kinds; a fifo is a vnode whose data is a pipe.
  const std::map<std::string, int> types = {{"file", 1}, {"directory", 1}, {"device", 1},
                                            {"pipe", 3}, {"fifo", 3},      {"kqueue", 5}};
  for (int index = 0; index < count; ++index) {
    const kinfo_file& record = records[index];
    const foundry::ProcessText& process = files.process(record.f_pid);
    for (const foundry::DescriptorText& one : process.descriptors) {
      if (one.number != record.f_fd) continue;
      SCOPED_TRACE(one.type);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.f_file), one.address);
      EXPECT_EQ(record.f_uid, process.uid);
      EXPECT_EQ(record.f_offset, static_cast<off_t>(one.position));
      EXPECT_EQ(record.f_flag & FREAD, one.access.find('r') != std::string::npos ? 1U : 0U);
      EXPECT_EQ(record.f_flag & FWRITE, one.access.find('w') != std::string::npos ? 2U : 0U);
      const auto type = types.find(one.type);
      if (type != types.end()) {
        EXPECT_EQ(record.f_type, type->second);
      } else if (one.type.find("unix") == 0 || one.type.find("tcp") == 0 ||
                 one.type.find("udp") == 0) {
        EXPECT_EQ(record.f_type, DTYPE_SOCKET);
      }
      ++wanted;
    }
  }
  EXPECT_EQ(wanted, 2 * static_cast<std::size_t>(count));  // each was found
}

TEST_F(Dragonfly, kvm_getswapinfo_Answers) {
  open(DumpFiles("dragonfly-5-9", "dragonfly-5-9-v2"));
  kvm_swap swap[3];
  std::memset(swap, 0x55, sizeof swap);
  ASSERT_EQ(kvm_getswapinfo(kd, swap, 3, SWIF_DEV_PREFIX), 2) << kvm_geterr(kd);
  EXPECT_EQ(swap[0].ksw_total, 262144U);
  EXPECT_EQ(swap[0].ksw_used, 4096U);
  EXPECT_EQ(swap[1].ksw_total, 1024U);
  EXPECT_EQ(swap[2].ksw_total, 262144U + 1024U);
}

}  // namespace
