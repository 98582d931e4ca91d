// illumos's face of libkvm: kvm_open(3KVM), the walk over processes, partial reads.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "native/libkvm/include/panicroom/illumos/kvm.h"
#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;
using kvm_tests::words;

class Illumos : public testing::Test {
 protected:
  ~Illumos() override {
    if (kd != nullptr) kvm_close(kd);
  }
  void SetUp() override {
    kd = kvm_open(nullptr, files.dump(), nullptr, O_RDONLY, nullptr);
    ASSERT_NE(kd, nullptr);
  }
  const DumpFiles files{"illumos-tables", "illumos-all"};
  kvm_t* kd = nullptr;
};

TEST(IllumosOpening, kvm_open_FlagsMustBeExact) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(kvm_open(nullptr, "/nonexistent", nullptr, O_WRONLY, "prog"), nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "prog: illegal flag 0x1 to kvm_open()\n");
}
TEST(IllumosOpening, kvm_open_IsSilentWithoutAPrefix) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(kvm_open(nullptr, "/nonexistent", nullptr, O_RDONLY, nullptr), nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(IllumosOpening, kvm_open_WithoutProcesses) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  testing::internal::CaptureStderr();
  EXPECT_EQ(kvm_open(nullptr, files.dump(), nullptr, O_RDONLY, "prog"), nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr().substr(0, 6), "prog: ");
}

TEST_F(Illumos, kvm_close_IsZero) {
  EXPECT_EQ(kvm_close(kd), 0);
  kd = nullptr;
}

TEST_F(Illumos, kvm_namelist_IsTheDump) { EXPECT_STREQ(kvm_namelist(kd), files.dump()); }

TEST_F(Illumos, kvm_nlist_Finds) {
  char known[] = "practive", none[] = "nothing";
  struct nlist names[] = {{known, 0, 9, 9, 9, 9}, {none, 9, 9, 9, 9, 9}, {nullptr, 0, 0, 0, 0, 0}};
  EXPECT_EQ(kvm_nlist(kd, names), 1);
  EXPECT_EQ(static_cast<std::uint64_t>(names[0].n_value), files.symbol("practive"));
  EXPECT_NE(names[0].n_type, 0);
  EXPECT_EQ(names[0].n_scnum, 0);
  EXPECT_EQ(names[1].n_value, 0);
  EXPECT_EQ(names[1].n_type, 0);
}

// Both names of one function; what can be read counts, unlike with the BSDs.
TEST_F(Illumos, kvm_kread_And_kvm_read_ArePartial) {
  const std::uint64_t practive = files.symbol("practive");
  std::uint64_t one = 0, other = 0;
  ASSERT_EQ(kvm_kread(kd, practive, &one, 8), 8);
  ASSERT_EQ(kvm_read(kd, practive, &other, 8), 8);
  EXPECT_EQ(one, files.word(practive, 8));
  EXPECT_EQ(other, one);
  EXPECT_EQ(kvm_read(kd, 16, &one, 8), -1);
  EXPECT_EQ(kvm_kread(kd, practive, nullptr, 0), 0);
  // The last mapped bytes of a stretch, and those behind it.
  std::uint64_t end = 0;
  for (const foundry::Mapping& mapping : files.description.image.mappings)
    if (mapping.virtual_address <= practive && practive - mapping.virtual_address < mapping.size)
      end = mapping.virtual_address + mapping.size;
  ASSERT_NE(end, 0U);
  char bytes[16];
  EXPECT_EQ(kvm_kread(kd, end - 8, bytes, sizeof bytes), 8);
}

TEST_F(Illumos, kvm_pread_And_kvm_physaddr) {
  const std::uint64_t practive = files.symbol("practive");
  const std::uint64_t physical = kvm_physaddr(kd, nullptr, practive);
  EXPECT_EQ(physical, files.description.image.physical_of(practive));
  std::uint64_t word = 0;
  ASSERT_EQ(kvm_pread(kd, physical, &word, 8), 8);
  EXPECT_EQ(word, files.word(practive, 8));
  EXPECT_EQ(kvm_physaddr(kd, nullptr, 16), ~std::uint64_t{0});
  EXPECT_EQ(kvm_pread(kd, std::uint64_t{1} << 60, &word, 8), -1);
}

TEST_F(Illumos, kvm_write_And_kvm_kwrite_Refuse) {
  EXPECT_EQ(kvm_write(kd, files.symbol("practive"), "x", 1), -1);
  EXPECT_EQ(kvm_kwrite(kd, files.symbol("practive"), "x", 1), -1);
}

TEST_F(Illumos, kvm_nextproc_WalksAll) {
  std::size_t count = 0;
  while (const proc_t* const process = kvm_nextproc(kd)) {
    const foundry::ProcessText& wanted = files.process(process->p_pid);
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(process->p_ppid, wanted.ppid);
    EXPECT_EQ(process->p_flag, wanted.flags);
    EXPECT_EQ(process->p_stat == SZOMB, wanted.zombie);
    EXPECT_EQ(std::string(process->p_user.u_comm), wanted.name.substr(0, MAXCOMLEN));
    // A zombie has given its own back, and those of the kernel have the kernel's.
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(process->p_as),
              wanted.space != 0 ? wanted.space : files.symbol("kas"));
    ++count;
  }
  EXPECT_EQ(count, files.processes());
  EXPECT_EQ(kvm_nextproc(kd), nullptr);
}

// usr/src/uts/common/sys/proc.h: SSLEEP 1, SRUN 2, SZOMB 3, SSTOP 4, SIDL 5, SONPROC 6, SWAIT 7.
TEST_F(Illumos, kvm_getproc_States) {
  const std::pair<pid_t, int> wanted[] = {{1, 1}, {650, 2}, {640, 3}};
  for (const auto& [pid, state] : wanted) {
    const proc_t* const process = kvm_getproc(kd, pid);
    ASSERT_NE(process, nullptr) << pid;
    EXPECT_EQ(process->p_stat, state) << pid;
  }
  const int others[] = {SSTOP, SIDL, SONPROC, SWAIT};
  for (int index = 0; index < 4; ++index) EXPECT_EQ(others[index], 4 + index);
}

TEST_F(Illumos, kvm_setproc_Rewinds) {
  const proc_t* const first = kvm_nextproc(kd);
  ASSERT_NE(first, nullptr);
  const pid_t pid = first->p_pid;
  ASSERT_NE(kvm_nextproc(kd), nullptr);
  EXPECT_EQ(kvm_setproc(kd), 0);
  const proc_t* const again = kvm_nextproc(kd);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->p_pid, pid);
}

TEST_F(Illumos, kvm_getproc_Finds) {
  const proc_t* const process = kvm_getproc(kd, 812);
  ASSERT_NE(process, nullptr);
  EXPECT_STREQ(process->p_user.u_comm, "bash");
  EXPECT_EQ(kvm_getproc(kd, 99999), nullptr);
  EXPECT_EQ(kvm_nextproc(kd), nullptr);  // it looked at all of them
}

TEST_F(Illumos, kvm_getu_HasTheCommand) {
  const user_t* const user = kvm_getu(kd, kvm_getproc(kd, 650));
  ASSERT_NE(user, nullptr);
  EXPECT_STREQ(user->u_comm, "old32");
  EXPECT_STREQ(user->u_psargs, "/opt/old32");
  EXPECT_EQ(user->u_argc, 1);
}

TEST_F(Illumos, kvm_getcmd_CopiesTheWords) {
  proc_t* const process = kvm_getproc(kd, 812);
  ASSERT_NE(process, nullptr);
  char **arguments = nullptr, **environment = nullptr;
  ASSERT_EQ(kvm_getcmd(kd, process, kvm_getu(kd, process), &arguments, &environment), 0);
  EXPECT_EQ(words(arguments), files.process(812).arguments);
  EXPECT_EQ(words(environment), files.process(812).environment);
  std::free(arguments);
  std::free(environment);
  // Either may be left out.
  ASSERT_EQ(kvm_getcmd(kd, process, nullptr, nullptr, &environment), 0);
  std::free(environment);
  proc_t* const kernel = kvm_getproc(kd, 0);
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(kvm_getcmd(kd, kernel, nullptr, &arguments, nullptr), -1);
}

// Of the process that the walk stands at.
TEST_F(Illumos, kvm_uread_OfTheCurrentProcess) {
  const std::uint64_t strings = files.process(812).strings;
  std::uint64_t word = 0;
  EXPECT_EQ(kvm_uread(kd, strings, &word, 8), -1);
  const proc_t* const process = kvm_getproc(kd, 812);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(kvm_uread(kd, strings, &word, 8), 8);
  EXPECT_NE(word, 0U);
  // The same by way of its physical address.
  const std::uint64_t physical = kvm_physaddr(kd, process->p_as, strings);
  ASSERT_NE(physical, ~std::uint64_t{0});
  std::uint64_t same = 0;
  ASSERT_EQ(kvm_pread(kd, physical, &same, 8), 8);
  EXPECT_EQ(same, word);
}

}  // namespace
