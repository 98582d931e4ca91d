// Tables written after the Arm Architecture Reference Manual (DDI 0487), D8.2 and D8.3; worked out
// by hand.
#include <gtest/gtest.h>

#include "core/arch/page_table.h"
#include "tests/unit/table_words.h"

namespace panicroom {
namespace {

using testing::meanings;
using testing::TableWords;

Translation ok(const PageTable& table, std::uint64_t address, TableWords& words) {
  auto found = table.walk(address, words, nullptr);
  EXPECT_TRUE(found) << (found ? "" : found.error().message());
  return found ? *found : Translation{};
}
ErrorCode bad(const PageTable& table, std::uint64_t address, TableWords& words) {
  auto found = table.walk(address, words, nullptr);
  EXPECT_FALSE(found);
  return found ? ErrorCode::io : found.error().code;
}

std::unique_ptr<PageTable> table_of(unsigned granule_shift, unsigned va_bits, bool large_pa = false,
                                    bool upper_half = true, std::uint64_t root = 0x40000000) {
  return aarch64_page_table({root, granule_shift, va_bits, large_pa, upper_half});
}

TEST(Aarch64Granule4K, FourLevels) {
  TableWords words;
  // 0xffff800010203456: level 0 index 256, level 1 0, level 2 129 (0x81), level 3 3, offset 0x456.
  words.set(0x40000000 + 256 * 8, 0x40001003).set(0x40001000, 0x40002003);
  words.set(0x40002000 + 0x81 * 8, 0x40003003).set(0x40003000 + 3 * 8, 0x00680000abcde703);
  const auto table = table_of(12, 48);
  std::vector<TranslationStep> steps;
  const auto page = table->walk(0xffff800010203456, words, &steps);
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(page->physical, 0xabcde456U);
  EXPECT_EQ(page->page_size, 0x1000U);
  EXPECT_TRUE(page->writable);
  EXPECT_FALSE(page->executable);  // PXN, bit 53
  EXPECT_FALSE(page->user);
  EXPECT_EQ(meanings(steps),
            (std::vector<std::string>{
                "level 0 table: table at 0x40001000", "level 1 table: table at 0x40002000",
                "level 2 table: table at 0x40003000", "level 3 table: 4 KiB page at 0xabcde000"}));
  EXPECT_EQ(table->describe(), "aarch64, 4 KiB granule, 4 levels, 48-bit addresses");
}

TEST(Aarch64Granule4K, Blocks) {
  TableWords words;
  words.set(0x40000000 + 256 * 8, 0x40001003).set(0x40001000, 0x40002003);
  words.set(0x40002000 + 0x81 * 8, 0x0040000080200f01);
  const auto table = table_of(12, 48);
  auto page = ok(*table, 0xffff800010203456, words);
  EXPECT_EQ(page.physical, 0x80203456U);
  EXPECT_EQ(page.page_size, 0x200000U);
  words.set(0x40001000, 0x00c0000701);
  page = ok(*table, 0xffff800010203456, words);
  EXPECT_EQ(page.physical, 0xc0000000U + 0x10203456);
  EXPECT_EQ(page.page_size, 0x40000000U);
  // 512 GiB blocks exist with 52-bit addresses only.
  words.set(0x40000000 + 256 * 8, 0x8000000701);
  EXPECT_EQ(bad(*table, 0xffff800010203456, words), ErrorCode::corrupt);
}

TEST(Aarch64Granule4K, NoBlockAtTheLastLevel) {
  TableWords words;
  words.set(0x40000000 + 256 * 8, 0x40001003).set(0x40001000, 0x40002003);
  words.set(0x40002000, 0x40003003).set(0x40003000, 0xabcde701);
  const auto table = table_of(12, 48);
  EXPECT_EQ(bad(*table, 0xffff800000000000, words), ErrorCode::corrupt);
  words.set(0x40003000, 0x0400000000abcde0);  // not valid, Linux PROT_NONE
  EXPECT_EQ(bad(*table, 0xffff800000000000, words), ErrorCode::unmapped);
}

TEST(Aarch64Granule4K, ThreeLevelsFor39Bits) {
  TableWords words;
  // 0xffffff8010203456: bits 38:30 = 0, 29:21 = 0x81, 20:12 = 3.
  words.set(0x40000000, 0x40001003)
      .set(0x40001000 + 0x81 * 8, 0x40002003)
      .set(0x40002000 + 3 * 8, 0x12345703);
  const auto table = table_of(12, 39);
  EXPECT_EQ(ok(*table, 0xffffff8010203456, words).physical, 0x12345456U);
  EXPECT_EQ(bad(*table, 0xffffff7fffffffff, words), ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, 0x10203456, words), ErrorCode::unmapped);
}

TEST(Aarch64Granule4K, FirstTableMayBePartial) {
  TableWords words;
  // 36 bits: level 1 has 36 - 30 = 6 index bits. 0xfffffff010203456: index 0.
  words.set(0x40000040 + 0 * 8, 0x40001003).set(0x40000040 + 63 * 8, 0x40000701);
  words.set(0x40001000 + 0x81 * 8, 0x80200f01);
  const auto table = table_of(12, 36, false, true, 0x40000040);
  EXPECT_EQ(ok(*table, 0xfffffff010203456, words).physical, 0x80203456U);
  EXPECT_EQ(ok(*table, 0xffffffffffffffff, words).physical, 0x7fffffffU);
}

TEST(Aarch64Granule4K, Lpa2FiveLevels) {
  TableWords words;
  // 0xfff0000010203456 of 52 bits: level -1 index 0 (4 bits), 0, 0, 0x81, 3.
  // Bits 9:8 of each descriptor are address bits 51:50, bits 49:48 stay where they are.
  words.set(0x40000000, 0x40001003).set(0x40001000, 0x40002003).set(0x40002000, 0x40003303);
  words.set((3ULL << 50 | 0x40003000) + 0x81 * 8, 0x0001000040004003);
  words.set(0x0001000040004000 + 3 * 8, 0x00030000abcde603);
  const auto table = table_of(12, 52, true);
  EXPECT_EQ(ok(*table, 0xfff0000010203456, words).physical, 0x000b0000abcde456U);
  EXPECT_EQ(table->describe(),
            "aarch64, 4 KiB granule, 5 levels, 52-bit addresses, 52-bit physical");
  words.set(0x40001000, 0x8000000701);
  const auto block = ok(*table, 0xfff0000010203456, words);
  EXPECT_EQ(block.page_size, 0x8000000000U);
  EXPECT_EQ(block.physical, 3ULL << 50 | 0x8010203456);
}

TEST(Aarch64Granule16K, LevelsAndBlocks) {
  TableWords words;
  // 47 bits: levels 1 (46:36), 2 (35:25), 3 (24:14). 0xffff800012345678: 0, 9, 0xd1, offset 0x1678.
  words.set(0x40000000, 0x40004003).set(0x40004000 + 9 * 8, 0x40008003);
  words.set(0x40008000 + 0xd1 * 8, 0x80004703);
  const auto table = table_of(14, 47);
  auto page = ok(*table, 0xffff800012345678, words);
  EXPECT_EQ(page.physical, 0x80005678U);
  EXPECT_EQ(page.page_size, 0x4000U);
  words.set(0x40004000 + 9 * 8, 0x82000701);
  page = ok(*table, 0xffff800012345678, words);
  EXPECT_EQ(page.page_size, 0x2000000U);
  EXPECT_EQ(page.physical, 0x82345678U);
  words.set(0x40000000, 0x1000000701);
  EXPECT_EQ(bad(*table, 0xffff800012345678, words), ErrorCode::corrupt);
  const auto lpa2 = table_of(14, 47, true);
  page = ok(*lpa2, 0xffff800012345678, words);
  EXPECT_EQ(page.page_size, 0x1000000000U);
  EXPECT_EQ(page.physical, (3ULL << 50 | 0x1012345678));
  // 48 bits: level 0 has two entries.
  words.set(0x40000000 + 8, 0x4000c003).set(0x4000c000, 0x40004003);
  EXPECT_EQ(ok(*table_of(14, 48), 0xffff800012345678, words).physical, 0x82345678U);
}

TEST(Aarch64Granule64K, LevelsAndBlocks) {
  TableWords words;
  // 42 bits: levels 2 (41:29), 3 (28:16). 0xfffffc0012345678: 0, 0x1234, offset 0x5678.
  words.set(0x40000000, 0x40010003).set(0x40010000 + 0x1234 * 8, 0x80010703);
  const auto table = table_of(16, 42);
  auto page = ok(*table, 0xfffffc0012345678, words);
  EXPECT_EQ(page.physical, 0x80015678U);
  EXPECT_EQ(page.page_size, 0x10000U);
  words.set(0x40000000, 0xa0000701);
  page = ok(*table, 0xfffffc0012345678, words);
  EXPECT_EQ(page.page_size, 0x20000000U);
  EXPECT_EQ(page.physical, 0xb2345678U);
}

TEST(Aarch64Granule64K, LargePhysicalAddresses) {
  TableWords words;
  // 52 bits: level 1 has 10 bits (51:42). 0xfff0000012345678: 0, 0, 0x1234.
  // Bits 15:12 of a descriptor are address bits 51:48.
  words.set(0x40000000, 0x4001a003);
  words.set(0xa000040010000, 0x40020003).set(0x40020000 + 0x1234 * 8, 0x8001f703);
  const auto table = table_of(16, 52, true);
  EXPECT_EQ(ok(*table, 0xfff0000012345678, words).physical, 0xf000080015678U);
  words.set(0x40000000, 0x40000005701);
  const auto block = ok(*table, 0xfff0000012345678, words);
  EXPECT_EQ(block.page_size, 0x40000000000U);
  EXPECT_EQ(block.physical, 0x5040012345678U);
  EXPECT_EQ(bad(*table_of(16, 52), 0xfff0000012345678, words), ErrorCode::corrupt);
}

TEST(Aarch64Rights, LeafAndTables) {
  TableWords words;
  const auto table = table_of(16, 42, false, false);
  const auto rights = [&](std::uint64_t upper, std::uint64_t leaf) {
    words.set(0x40000000, 0x40010003 | upper).set(0x40010000, 0x80010003 | leaf);
    return ok(*table, 0, words);
  };
  const std::uint64_t one = 1;
  auto page = rights(0, 0x40);  // AP[1]
  EXPECT_TRUE(page.user && page.writable && page.executable);
  EXPECT_FALSE(rights(0, 0).user);
  EXPECT_FALSE(rights(0, 0xc0).writable);                // AP[2]
  EXPECT_TRUE(rights(0, 0xc0 | one << 51).writable);     // DBM
  EXPECT_FALSE(rights(0, 0x40 | one << 54).executable);  // UXN
  EXPECT_TRUE(rights(0, 0x40 | one << 53).executable);   // PXN is not the user's
  EXPECT_FALSE(rights(0, one << 53).executable);
  EXPECT_FALSE(rights(one << 61, 0x40).user);        // APTable[0]
  EXPECT_FALSE(rights(one << 62, 0x40).writable);    // APTable[1]
  EXPECT_FALSE(rights(one << 60, 0x40).executable);  // UXNTable
  EXPECT_FALSE(rights(one << 59, 0).executable);     // PXNTable
}

TEST(Aarch64Regime, LowerHalfAndWhatNoProcessorHas) {
  TableWords words;
  words.set(0x40000000, 0x40001003).set(0x40001000, 0x80000701);
  const auto user = table_of(12, 48, false, false);
  EXPECT_EQ(ok(*user, 0x123, words).physical, 0x80000123U);
  EXPECT_EQ(bad(*user, 0x0001000000000000, words), ErrorCode::unmapped);
  EXPECT_EQ(bad(*user, 0xffff800000000000, words), ErrorCode::unmapped);
  for (const auto& [granule, bits] : {std::pair{13U, 48U}, {12U, 53U}, {12U, 12U}, {0U, 64U}}) {
    EXPECT_EQ(bad(*table_of(granule, bits), 0, words), ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace panicroom
