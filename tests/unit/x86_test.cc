// Tables written bit by bit after the Intel SDM, volume 3A, chapter 4; expected values worked out
// by hand.
#include <gtest/gtest.h>

#include "core/arch/page_table.h"
#include "tests/unit/table_words.h"

namespace panicroom {
namespace {

using testing::meanings;
using testing::TableWords;

constexpr std::uint64_t nx = 0x8000000000000000;

Translation ok(const PageTable& table, std::uint64_t address, TableWords& words) {
  auto found = table.walk(address, words, nullptr);
  EXPECT_TRUE(found) << (found ? "" : found.error().message());
  EXPECT_EQ(words.wrong_widths, 0U);
  return found ? *found : Translation{};
}
Error bad(const PageTable& table, std::uint64_t address, TableWords& words) {
  auto found = table.walk(address, words, nullptr);
  EXPECT_FALSE(found);
  return found ? Error{} : found.error();
}

// 0xffff888012345678 = PML4 273 (0x111), PDPT 0, PD 145 (0x91), PT 325 (0x145), offset 0x678.
constexpr std::uint64_t kernel_address = 0xffff888012345678;

TEST(X86FourLevel, SmallPageThroughFourTables) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x2063).set(0x2000, 0x3063);
  words.set(0x3000 + 0x91 * 8, 0x4063).set(0x4000 + 0x145 * 8, nx | 0xabcde063);
  // CR3 with a PCID in its low bits and the no-flush bit 63.
  const auto table = x86_page_table(X86Mode::four_level, 0x80000000000011ff);
  std::vector<TranslationStep> steps;
  const auto found = table->walk(kernel_address, words, &steps);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->physical, 0xabcde678U);
  EXPECT_EQ(found->page_size, 0x1000U);
  EXPECT_TRUE(found->writable);
  EXPECT_FALSE(found->executable);
  EXPECT_FALSE(found->user);
  EXPECT_EQ(meanings(steps),
            (std::vector<std::string>{"PML4: table at 0x2000", "PDPT: table at 0x3000",
                                      "PD: table at 0x4000", "PT: 4 KiB page at 0xabcde000"}));
  EXPECT_EQ(steps[0].index, 0x111U);
  EXPECT_EQ(steps[0].entry_address, 0x1888U);
  EXPECT_EQ(steps[3].entry, nx | 0xabcde063);
  EXPECT_EQ(table->describe(), "x86_64, 4 levels");
}

TEST(X86FourLevel, LargePages) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x2063);
  // 1 GiB at 0x140000000, with its PAT bit 12.
  words.set(0x2000, 0x1400010e3);
  const auto table = x86_page_table(X86Mode::four_level, 0x1000);
  auto page = ok(*table, kernel_address, words);
  EXPECT_EQ(page.physical, 0x152345678U);
  EXPECT_EQ(page.page_size, 0x40000000U);
  // 2 MiB at 0x7fe00000, PAT bit 12 and protection key 62:59 set.
  words.set(0x2000, 0x3063).set(0x3000 + 0x91 * 8, 0x780000007fe010e3);
  page = ok(*table, kernel_address, words);
  EXPECT_EQ(page.physical, 0x7fe00000U + 0x145678);
  EXPECT_EQ(page.page_size, 0x200000U);
  EXPECT_TRUE(page.executable);
}

TEST(X86FourLevel, PatBitOfTheLastLevelIsNotThePageSize) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x2063).set(0x2000, 0x3063).set(0x3000 + 0x91 * 8, 0x4063);
  words.set(0x4000 + 0x145 * 8, 0xabcde0e3);
  const auto page = ok(*x86_page_table(X86Mode::four_level, 0x1000), kernel_address, words);
  EXPECT_EQ(page.physical, 0xabcde678U);
  EXPECT_EQ(page.page_size, 0x1000U);
}

TEST(X86FourLevel, RightsAreFoldedOverTheLevels) {
  TableWords words;
  const auto table = x86_page_table(X86Mode::four_level, 0x1000);
  // 0x8048123: PML4 0, PDPT 0, PD 64, PT 72.
  const auto rights = [&](std::uint64_t pml4, std::uint64_t pdpt, std::uint64_t pd,
                          std::uint64_t pt) {
    words.set(0x1000, 0x2000 | pml4).set(0x2000, 0x3000 | pdpt).set(0x3000 + 64 * 8, 0x4000 | pd);
    words.set(0x4000 + 72 * 8, 0x9000 | pt);
    return ok(*table, 0x8048123, words);
  };
  auto all = rights(7, 7, 7, 7);
  EXPECT_TRUE(all.writable && all.user && all.executable);
  EXPECT_FALSE(rights(5, 7, 7, 7).writable);
  EXPECT_FALSE(rights(7, 7, 5, 7).writable);
  EXPECT_FALSE(rights(7, 3, 7, 7).user);
  EXPECT_FALSE(rights(7, 7, 7, 3).user);
  EXPECT_FALSE(rights(nx | 7, 7, 7, 7).executable);
  EXPECT_FALSE(rights(7, 7, 7, nx | 7).executable);
}

TEST(X86FourLevel, WhatIsNotMapped) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x2063).set(0x2000, 0x3063);
  const auto table = x86_page_table(X86Mode::four_level, 0x1000);
  std::vector<TranslationStep> steps;
  const auto found = table->walk(kernel_address, words, &steps);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::unmapped);
  EXPECT_EQ(found.error().address, kernel_address);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[2].meaning, "not present");
  // An entry of Linux that is not present keeps the inverted frame (L1TF).
  words.set(0x3000 + 0x91 * 8, 0x000fffff54321000);
  EXPECT_EQ(bad(*table, kernel_address, words).code, ErrorCode::unmapped);
}

TEST(X86FourLevel, NotCanonicalBeforeAnyEntryIsRead) {
  TableWords words;
  words.absent_pages.insert(0x1000);
  const auto table = x86_page_table(X86Mode::four_level, 0x1000);
  for (const std::uint64_t address :
       {0x0000800000000000ULL, 0xffff7fffffffffffULL, 0x1234567890abcdefULL}) {
    EXPECT_EQ(bad(*table, address, words).code, ErrorCode::unmapped) << address;
  }
  for (const std::uint64_t address : {0x00007fffffffffffULL, 0xffff800000000000ULL, ~0ULL}) {
    EXPECT_EQ(bad(*table, address, words).code, ErrorCode::not_in_dump) << address;
  }
}

TEST(X86FourLevel, MissingTablePageNamesTheEntryAndTheAddress) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x2063).absent_pages.insert(0x2000);
  std::vector<TranslationStep> steps;
  const auto found =
      x86_page_table(X86Mode::four_level, 0x1000)->walk(kernel_address, words, &steps);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(found.error().absence, Absence::excluded);
  EXPECT_EQ(found.error().address, kernel_address);
  EXPECT_NE(found.error().text.find("PDPT entry at physical 0x2000"), std::string::npos);
  EXPECT_EQ(steps.size(), 2U);
}

TEST(X86FourLevel, ReservedBits) {
  TableWords words;
  const auto table = x86_page_table(X86Mode::four_level, 0x1000);
  words.set(0x1000 + 0x111 * 8, 0x20e3);  // PS in a PML4 entry
  EXPECT_EQ(bad(*table, kernel_address, words).code, ErrorCode::corrupt);
  words.set(0x1000 + 0x111 * 8, 0x2063).set(0x2000, 0x1402000e3);  // 1 GiB page, bit 21
  EXPECT_EQ(bad(*table, kernel_address, words).code, ErrorCode::corrupt);
  words.set(0x2000, 0x3063).set(0x3000 + 0x91 * 8, 0x7fe020e3);  // 2 MiB page, bit 13
  EXPECT_EQ(bad(*table, kernel_address, words).code, ErrorCode::corrupt);
}

TEST(X86FourLevel, ATableThatPointsToItselfEnds) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x1063).set(0x1000, 0x1063).set(0x1000 + 0x91 * 8, 0x1063);
  words.set(0x1000 + 0x145 * 8, 0x1063);
  EXPECT_EQ(ok(*x86_page_table(X86Mode::four_level, 0x1000), kernel_address, words).physical,
            0x1678U);
}

TEST(X86FourLevel, EncryptionBitIsNoAddressBit) {
  TableWords words;
  const std::uint64_t c = std::uint64_t{1} << 47;
  words.set(0x1000 + 0x111 * 8, c | 0x2063).set(0x2000, c | 0x3063);
  words.set(0x3000 + 0x91 * 8, c | 0x7fe000e3);
  const auto table = x86_page_table(X86Mode::four_level, c | 0x1000, c);
  EXPECT_EQ(ok(*table, kernel_address, words).physical, 0x7fe00000U + 0x145678);
}

TEST(X86FiveLevel, FiftySevenBits) {
  TableWords words;
  // 0xff11000012345678: PML5 bits 56:48 = 0x111, then PML4 0, PDPT 0, PD 0x91, PT 0x145.
  words.set(0x1000 + 0x111 * 8, 0x2063).set(0x2000, 0x3063).set(0x3000, 0x4063);
  words.set(0x4000 + 0x91 * 8, 0x5063).set(0x5000 + 0x145 * 8, 0xfffffffff063);
  const auto table = x86_page_table(X86Mode::five_level, 0x1000);
  EXPECT_EQ(ok(*table, 0xff11000012345678, words).physical, 0xfffffffff678U);
  EXPECT_EQ(bad(*table, 0xfe11000012345678, words).code, ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, 0x0100000000000000, words).code, ErrorCode::unmapped);
  EXPECT_EQ(table->describe(), "x86_64, 5 levels");
}

TEST(X86Pae, ThreeLevels) {
  TableWords words;
  // 0xc1234567: PDPT 3, PD 9, PT 0x34, offset 0x567. The PDPT is only 32-byte aligned.
  words.set(0x1020 + 3 * 8, 0x2001)
      .set(0x2000 + 9 * 8, 0x3063)
      .set(0x3000 + 0x34 * 8, 0x8000000f12345063);
  const auto table = x86_page_table(X86Mode::pae, 0x1020);
  const auto page = ok(*table, 0xc1234567, words);
  EXPECT_EQ(page.physical, 0xf12345567U);
  EXPECT_TRUE(page.writable);  // the PDPT entry has no rights that could forbid it
  EXPECT_FALSE(page.executable);
  words.set(0x2000 + 9 * 8, 0xf002000e3);
  EXPECT_EQ(ok(*table, 0xc1234567, words).physical, 0xf00200000U + 0x34567);
  EXPECT_EQ(ok(*table, 0xc1234567, words).page_size, 0x200000U);
  EXPECT_EQ(bad(*table, 0x1c1234567, words).code, ErrorCode::unmapped);
  words.set(0x2000 + 9 * 8, 0x0010000000003063);  // reserved bit 52
  EXPECT_EQ(bad(*table, 0xc1234567, words).code, ErrorCode::corrupt);
  words.set(0x1020 + 3 * 8, 0x2003);  // reserved bit 1
  EXPECT_EQ(bad(*table, 0xc1234567, words).code, ErrorCode::corrupt);
}

// NetBSD's kernel cores name the first of four directories that lie side by side.
TEST(X86Pae, DirectoriesSideBySide) {
  TableWords words;
  // 0xc1234567: entry 3 * 512 + 9 of all directories, PT 0x34, offset 0x567.
  words.set(0x101000 + (3 * 512 + 9) * 8, 0x3063).set(0x3000 + 0x34 * 8, 0x8000000f12345063);
  const auto table = x86_page_table(X86Mode::pae_directories, 0x101000);
  EXPECT_EQ(ok(*table, 0xc1234567, words).physical, 0xf12345567U);
  words.set(0x101000 + (3 * 512 + 9) * 8, 0xf002000e3);
  EXPECT_EQ(ok(*table, 0xc1234567, words).physical, 0xf00200000U + 0x34567);
  EXPECT_EQ(bad(*table, 0x1c1234567, words).code, ErrorCode::unmapped);
  EXPECT_EQ(table->describe(), "i386, PAE");
}

TEST(X86TwoLevel, FourByteEntries) {
  TableWords words;
  words.expected_width = 4;
  // 0xc1234567: PD 772 (0x304), PT 0x234, offset 0x567.
  words.set(0x1000 + 0x304 * 4, 0x2067).set(0x2000 + 0x234 * 4, 0xfedcb0e5);
  const auto table = x86_page_table(X86Mode::two_level, 0x1018);
  auto page = ok(*table, 0xc1234567, words);
  EXPECT_EQ(page.physical, 0xfedcb567U);
  EXPECT_FALSE(page.writable);
  EXPECT_TRUE(page.user);
  words.set(0x2000 + 0x234 * 4, 0xfedcb0e4);
  EXPECT_EQ(bad(*table, 0xc1234567, words).code, ErrorCode::unmapped);
}

TEST(X86TwoLevel, FourMebibytePages) {
  TableWords words;
  words.expected_width = 4;
  // PSE-36: bits 20:13 are address bits 39:32; bit 12 is PAT.
  words.set(0x1000 + 0x304 * 4, 0x804010e3 | 0xa5U << 13);
  const auto table = x86_page_table(X86Mode::two_level, 0x1000);
  const auto page = ok(*table, 0xc1234567, words);
  EXPECT_EQ(page.physical, 0xa580400000U + 0x234567);
  EXPECT_EQ(page.page_size, 0x400000U);
  words.set(0x1000 + 0x304 * 4, 0x804000e3 | 1U << 21);
  EXPECT_EQ(bad(*table, 0xc1234567, words).code, ErrorCode::corrupt);
}

TEST(LinearTable, RulesBeforeTheFallback) {
  TableWords words;
  words.set(0x1000 + 0x111 * 8, 0x2063).set(0x2000, 0x400000e3);
  const auto table =
      linear_page_table({{0xffffffff80000000, 0xffffffffbfffffff, 0x7f000000, "kernel image"},
                         // A base below zero: physical = virtual - 0xffffffffc0000000 - 0x1000.
                         {0xffffffffc0001000, 0xffffffffffffffff, 0, "top"}},
                        x86_page_table(X86Mode::four_level, 0x1000));
  std::vector<TranslationStep> steps;
  const auto image = table->walk(0xffffffff81234567, words, &steps);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->physical, 0x80234567U);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].table, "kernel image");
  EXPECT_EQ(ok(*table, 0xffffffffffffffff, words).physical, 0x3fffefffU);
  EXPECT_EQ(ok(*table, 0xffff888000000123, words).physical, 0x40000123U);
  const auto alone = linear_page_table({{0x1000, 0x1fff, 0x5000, "rule"}}, nullptr);
  EXPECT_EQ(ok(*alone, 0x1fff, words).physical, 0x5fffU);
  EXPECT_EQ(bad(*alone, 0x2000, words).code, ErrorCode::unmapped);
}

TEST(LinearTable, ThePageLiesWithinTheRuleAndMovesAsAWhole) {
  TableWords words;
  const auto table = linear_page_table({{0x40000000, 0x803fffff, 0x200000, "rule"}}, nullptr);
  // Virtual and physical agree below 2 MiB only.
  EXPECT_EQ(ok(*table, 0x40000000, words).page_size, 0x200000U);
  const auto odd = linear_page_table({{0x40000800, 0x40001fff, 0x800, "rule"}}, nullptr);
  EXPECT_EQ(ok(*odd, 0x40000800, words).page_size, 0x800U);
  EXPECT_EQ(ok(*odd, 0x40001000, words).page_size, 0x1000U);
  const auto shifted = linear_page_table({{0x1000, 0xffff, 0x7, "rule"}}, nullptr);
  EXPECT_EQ(ok(*shifted, 0x1000, words).page_size, 1U);
}

}  // namespace
}  // namespace panicroom
