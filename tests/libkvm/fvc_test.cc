// The names of libfbsdvmcore.
#include "native/libkvm/include/panicroom/fbsdvmcore/fvc.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;

class Fvc : public testing::Test {
 protected:
  ~Fvc() override {
    if (kd != nullptr) fvc_close(kd);
  }
  const DumpFiles files{"freebsd-12-tables", "freebsd-12-v3"};
  fvc_t* kd = nullptr;
  char why[2048] = {};
};

TEST_F(Fvc, fvc_open_And_fvc_read) {
  kd = fvc_open(files.kernel(), files.dump(), why, nullptr, nullptr);
  ASSERT_NE(kd, nullptr) << why;
  std::uint64_t word = 0;
  ASSERT_EQ(fvc_read(kd, files.symbol("panic"), &word, 8), 8);
  EXPECT_EQ(word, files.word(files.symbol("panic"), 8));
  EXPECT_EQ(fvc_read(kd, 16, &word, 8), -1);
  EXPECT_TRUE(std::strstr(fvc_geterr(kd), "invalid address (0x10)")) << fvc_geterr(kd);
}

TEST_F(Fvc, fvc_open_Refuses) {
  EXPECT_EQ(fvc_open(files.kernel(), "/nonexistent", why, nullptr, nullptr), nullptr);
  EXPECT_STREQ(why, "/nonexistent: No such file or directory");
}

TEST_F(Fvc, fvc_open_WithAResolver) {
  static const auto resolve = [](const char*, fvc_addr_t*, void* data) {
    ++*static_cast<int*>(data);
    return -1;
  };
  int asked = 0;
  kd = fvc_open(files.kernel(), files.dump(), why, resolve, &asked);
  EXPECT_NE(kd, nullptr) << why;
}

TEST_F(Fvc, fvc_geterr_And_fvc_close_OfNoHandle) {
  EXPECT_STREQ(fvc_geterr(nullptr), "");
  EXPECT_EQ(fvc_close(nullptr), -1);
}

TEST_F(Fvc, fvc_walk_pages_PassesOn) {
  kd = fvc_open(files.kernel(), files.dump(), why, nullptr, nullptr);
  ASSERT_NE(kd, nullptr) << why;
  struct Seen {
    int calls = 0;
    bool panic = false;
    std::uint64_t address = 0;
  } seen;
  seen.address = files.symbol("panic") & ~std::uint64_t{0x1fffff};
  EXPECT_EQ(fvc_walk_pages(
                kd,
                [](struct fvc_page* page, void* to) {
                  Seen& into = *static_cast<Seen*>(to);
                  ++into.calls;
                  // The description maps it by a page of 2 MiB.
                  if (page->kp_kmap_vaddr == into.address)
                    into.panic = page->kp_len == 0x200000 && page->kp_version == 2 &&
                                 page->kp_paddr == 0x200000 &&
                                 page->kp_dmap_vaddr == 0xfffff80000200000;
                  return 1;
                },
                &seen),
            1);
  EXPECT_TRUE(seen.panic);
  EXPECT_GT(seen.calls, 512);
}

TEST_F(Fvc, fvc_native_And_fvc_kerndisp) {
  kd = fvc_open(files.kernel(), files.dump(), why, nullptr, nullptr);
  ASSERT_NE(kd, nullptr) << why;
#ifdef __x86_64__
  EXPECT_EQ(fvc_native(kd), 1);
#endif
  EXPECT_EQ(fvc_kerndisp(kd), 0);
}

}  // namespace
