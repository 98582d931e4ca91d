// The default face of libkvm, what the BSDs' kvm(3) have in common: opening and its errors, memory,
// symbols. Texts of errors are those of the systems' libraries (lib/libkvm/kvm.c of each).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <kvm.h>

#include <cerrno>
#include <cstring>
#include <numeric>

#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;
using kvm_tests::Folder;

constexpr int error_size = 2048;  // _POSIX2_LINE_MAX

class Common : public testing::Test {
 protected:
  ~Common() override {
    if (kd != nullptr) kvm_close(kd);
  }
  void open(const DumpFiles& files) {
    kd = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
    ASSERT_NE(kd, nullptr) << why;
  }
  kvm_t* kd = nullptr;
  char why[error_size] = {};
};

class CommonOpening : public Common {
 protected:
  void refused(const char* kernel, const char* dump, int flags) {
    kd = kvm_openfiles(kernel, dump, nullptr, flags, why);
    EXPECT_EQ(kd, nullptr);
  }
};

TEST_F(Common, kvm_openfiles_OpensADump) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  EXPECT_STREQ(why, "");
}

TEST_F(CommonOpening, kvm_openfiles_NoSuchCore) {
  refused(nullptr, "/nonexistent", O_RDONLY);
  EXPECT_STREQ(why, "/nonexistent: No such file or directory");
}

TEST_F(CommonOpening, kvm_openfiles_NoSuchKernel) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  refused("/nonexistent", files.dump(), O_RDONLY);
  EXPECT_STREQ(why, "/nonexistent: No such file or directory");
}

TEST_F(CommonOpening, kvm_openfiles_KernelThatIsNone) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  const std::string text = files.folder.put("text", "this is a text file");
  refused(text.c_str(), files.dump(), O_RDONLY);
  EXPECT_EQ(why, text + ": kernel is not an ELF file");
}

TEST_F(CommonOpening, kvm_openfiles_NoDump) {
  const Folder folder;
  const std::string text = folder.put("text", "this is a text file");
  refused(nullptr, text.c_str(), O_RDONLY);
  EXPECT_TRUE(std::strstr(why, text.c_str())) << why;
}

TEST_F(CommonOpening, kvm_openfiles_BadFlags) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  refused(files.kernel(), files.dump(), O_WRONLY);
  EXPECT_STREQ(why, "bad flags arg");
  refused(files.kernel(), files.dump(), O_RDONLY | O_CREAT);
  EXPECT_STREQ(why, "bad flags arg");
}

TEST_F(CommonOpening, kvm_openfiles_LongName) {
  refused(std::string(5000, 'k').c_str(), "/dev/null", O_RDONLY);
  EXPECT_STREQ(why, "exec file name too long");
}

TEST_F(CommonOpening, kvm_openfiles_AnotherDevice) {
  refused(nullptr, "/dev/zero", O_RDONLY);
  EXPECT_STREQ(why, "/dev/zero: not physical memory device");
}

TEST_F(CommonOpening, kvm_openfiles_RunningSystem) {
  refused(nullptr, nullptr, O_RDONLY);
  EXPECT_STRNE(why, "");
}

TEST_F(CommonOpening, kvm_openfiles_LongErrorsAreCut) {
  refused(nullptr, std::string(4000, 'x').c_str(), O_RDONLY);
  EXPECT_EQ(std::strlen(why), static_cast<std::size_t>(error_size - 1));
}

TEST_F(CommonOpening, kvm_openfiles_NoBufferForTheError) {
  EXPECT_EQ(kvm_openfiles(nullptr, "/nonexistent", nullptr, O_RDONLY, nullptr), nullptr);
}

TEST_F(Common, kvm_openfiles_NoFiles) {
  for (const int flags : {KVM_NO_FILES, KVM_NO_FILES | O_RDONLY}) {
    kd = kvm_openfiles("/nonexistent", "/nonexistent", nullptr, flags, why);
    ASSERT_NE(kd, nullptr) << why;
    char byte = 0;
    EXPECT_EQ(kvm_read(kd, 0, &byte, 1), -1);
    EXPECT_STRNE(kvm_geterr(kd), "");
    EXPECT_EQ(kvm_close(kd), 0);
  }
  kd = nullptr;
}

TEST(CommonPrinting, kvm_open_PrintsAfterItsPrefix) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(kvm_open(nullptr, "/nonexistent", nullptr, O_RDONLY, "prog"), nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "prog: /nonexistent: No such file or directory\n");
}

TEST(CommonPrinting, kvm_open_PrintsNothingWithoutAPrefix) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(kvm_open(nullptr, "/nonexistent", nullptr, O_RDONLY, nullptr), nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// Under kvm_open's rules hard errors are printed, soft ones are not.
TEST(CommonPrinting, kvm_open_LaterErrors) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  kvm_t* const kd = kvm_open(files.kernel(), files.dump(), nullptr, O_RDONLY, "prog");
  ASSERT_NE(kd, nullptr);
  testing::internal::CaptureStderr();
  char byte = 0;
  EXPECT_EQ(kvm_read(kd, 1, &byte, 1), -1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_EQ(kvm_write(kd, 0, &byte, 1), -1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "prog: kvm_write not implemented for dead kernels\n");
  EXPECT_EQ(kvm_close(kd), 0);
}

// FreeBSD lib/libkvm/tests/kvm_close_test.c and kvm_geterr_test.c ask for these two.
TEST(CommonNull, kvm_close_OfNoHandle) {
  errno = 0;
  EXPECT_EQ(kvm_close(nullptr), -1);
  EXPECT_EQ(errno, EINVAL);
}
TEST(CommonNull, kvm_geterr_OfNoHandle) { EXPECT_STREQ(kvm_geterr(nullptr), ""); }

TEST_F(Common, kvm_geterr_StaysAfterASuccess) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  EXPECT_STREQ(kvm_geterr(kd), "");
  char byte = 0;
  EXPECT_EQ(kvm_read(kd, 1, &byte, 1), -1);
  const std::string said = kvm_geterr(kd);
  EXPECT_EQ(kvm_read(kd, files.symbol("panic"), &byte, 1), 1);
  EXPECT_EQ(kvm_geterr(kd), said);
}

TEST_F(Common, kvm_write_IsRefused) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  EXPECT_EQ(kvm_write(kd, 0, "x", 1), -1);
  EXPECT_STREQ(kvm_geterr(kd), "kvm_write not implemented for dead kernels");
}

// From the middle of a page to the middle of another.
TEST_F(Common, kvm_read_CrossesPages) {
  for (const char* const file : {"freebsd-12-v3", "freebsd-12-full"}) {
    const DumpFiles files("freebsd-12-tables", file);
    ASSERT_NO_FATAL_FAILURE(open(files));
    const std::uint64_t start = 0xffffffff80400f00;
    std::vector<std::uint8_t> got(0x2300);
    ASSERT_EQ(kvm_read(kd, start, got.data(), got.size()), static_cast<ssize_t>(got.size()));
    for (std::size_t at = 0; at < got.size(); ++at)
      ASSERT_EQ(got[at], files.word(start + at, 1)) << at;
    EXPECT_NE(std::accumulate(got.begin(), got.end(), 0U), 0U);
    EXPECT_EQ(kvm_close(kd), 0);
    kd = nullptr;
  }
}

TEST_F(Common, kvm_read_OfNothing) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  EXPECT_EQ(kvm_read(kd, 0xffffffff80400f00, nullptr, 0), 0);
}

// A page that is not mapped fails the whole read of the BSDs, also behind one that is.
TEST_F(Common, kvm_read_FailsWhereAPageIsNotMapped) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-full"));
  char bytes[16];
  EXPECT_EQ(kvm_read(kd, 0xffffffff80600000, bytes, 8), -1);
  EXPECT_TRUE(std::strstr(kvm_geterr(kd), "invalid address (0xffffffff80600000)"))
      << kvm_geterr(kd);
  EXPECT_EQ(kvm_read(kd, 0xffffffff805ffff8, bytes, 16), -1);
  EXPECT_TRUE(std::strstr(kvm_geterr(kd), "invalid address (0xffffffff80600000)"))
      << kvm_geterr(kd);
}

// Where the file ends, what came before it counts.
TEST_F(Common, kvm_read_IsShortWhereTheFileEnds) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  std::ifstream whole(files.dump(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(whole), {}};
  // A page that the direct map shows, and how many of memory's lie behind it.
  const std::uint64_t last = 0x7ff000, behind = (0x900000 - 0x800000) / 4096;
  const std::string cut = files.folder.put(
      "cut", std::string_view(bytes).substr(0, bytes.size() - behind * 4096 - 100));
  kd = kvm_openfiles(files.kernel(), cut.c_str(), nullptr, O_RDONLY, why);
  ASSERT_NE(kd, nullptr) << why;
  std::vector<std::uint8_t> page(4096);
  EXPECT_EQ(kvm_read(kd, 0xfffff80000000000 + last, page.data(), page.size()), 4096 - 100);
  EXPECT_TRUE(std::strstr(kvm_geterr(kd), "short read")) << kvm_geterr(kd);
}

TEST_F(Common, kvm_nlist_Finds) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  char exact[] = "panic", underscored[] = "_panic", absolute[] = "_kernbase", none[] = "_nothing";
  struct nlist names[] = {{exact, 99, 9, 9, 99},
                          {underscored, 0, 0, 0, 0},
                          {absolute, 0, 0, 0, 0},
                          {none, 99, 9, 9, 99},
                          {nullptr, 7, 7, 7, 7}};
  EXPECT_EQ(kvm_nlist(kd, names), 1);
  EXPECT_EQ(names[0].n_value, files.symbol("panic"));
  EXPECT_EQ(names[0].n_type, N_TEXT | N_EXT);
  EXPECT_EQ(names[0].n_other, 0);
  EXPECT_EQ(names[0].n_desc, 0);
  EXPECT_EQ(names[1].n_value, files.symbol("panic"));
  EXPECT_EQ(names[2].n_value, files.symbol("kernbase"));
  EXPECT_EQ(names[2].n_type, N_ABS | N_EXT);
  EXPECT_EQ(names[3].n_value, 0U);
  EXPECT_EQ(names[3].n_type, N_UNDF);
  EXPECT_EQ(names[4].n_value, 7U);
}

TEST_F(Common, kvm_nlist_EndsAtAnEmptyName) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  struct nlist names[] = {{"_panic", 0, 0, 0, 0}, {"", 0, 0, 0, 0}, {"_nothing", 0, 0, 0, 0}};
  EXPECT_EQ(kvm_nlist(kd, names), 0);
}

TEST_F(Common, kvm_nlist_WithoutSymbols) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  kd = kvm_openfiles(nullptr, files.dump(), nullptr, O_RDONLY, why);
  ASSERT_NE(kd, nullptr) << why;
  struct nlist names[] = {{"_panic", 0, 0, 0, 0}, {nullptr, 0, 0, 0, 0}};
  EXPECT_EQ(kvm_nlist(kd, names), -1);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

class CommonTargets : public Common, public testing::WithParamInterface<kvm_tests::Target> {};

// The first words of every function of the kernel, on each system.
TEST_P(CommonTargets, kvm_nlist_And_kvm_read) {
  const DumpFiles files(GetParam().description, GetParam().file);
  ASSERT_NO_FATAL_FAILURE(open(files));
  int read = 0;
  for (const foundry::Symbol& symbol : files.description.image.symbols) {
    struct nlist names[] = {{symbol.name.c_str(), 0, 0, 0, 0}, {nullptr, 0, 0, 0, 0}};
    if (symbol.type != 'T') continue;
    ASSERT_EQ(kvm_nlist(kd, names), 0) << symbol.name;
    EXPECT_EQ(names[0].n_value, symbol.address) << symbol.name;
    EXPECT_EQ(names[0].n_type, N_TEXT | N_EXT) << symbol.name;
    std::uint64_t word = 1;
    if (kvm_read(kd, names[0].n_value, &word, sizeof word) != 8) continue;
    EXPECT_EQ(word, files.word(symbol.address, 8)) << symbol.name;
    ++read;
  }
  EXPECT_GT(read, 0);
}

INSTANTIATE_TEST_SUITE_P(Each, CommonTargets, testing::ValuesIn(kvm_tests::targets));

TEST_F(Common, kvm_getloadavg_Answers) {
  open(DumpFiles("freebsd-12-machine", "12-machine-v3"));
  double load[4] = {9, 9, 9, 9};  // the description: 1024, 3072 and 512 of 2048
  EXPECT_EQ(kvm_getloadavg(kd, load, 4), 3);
  EXPECT_DOUBLE_EQ(load[0], 0.5);
  EXPECT_DOUBLE_EQ(load[1], 1.5);
  EXPECT_DOUBLE_EQ(load[2], 0.25);
  EXPECT_DOUBLE_EQ(load[3], 9);
  load[1] = 9;
  EXPECT_EQ(kvm_getloadavg(kd, load, 1), 1);
  EXPECT_DOUBLE_EQ(load[1], 9);
}

TEST_F(Common, kvm_getloadavg_WithoutIts) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  double load[3] = {};
  EXPECT_EQ(kvm_getloadavg(kd, load, 3), -1);
  EXPECT_TRUE(std::strstr(kvm_geterr(kd), "averunnable")) << kvm_geterr(kd);
}

}  // namespace
