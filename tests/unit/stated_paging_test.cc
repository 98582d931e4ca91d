#include "core/arch/stated_paging.h"

#include <gtest/gtest.h>

#include "core/arch/control_registers.h"
#include "tests/unit/table_words.h"

namespace panicroom {
namespace {

using testing::TableWords;

std::string described(std::string_view paging) {
  const auto table = stated_page_table(0x1000, paging);
  return table ? (*table)->describe() : table.error().text;
}

TEST(StatedPaging, EveryModeByItsName) {
  EXPECT_EQ(described("two-level"), "i386, 2 levels");
  EXPECT_EQ(described("pae"), "i386, PAE");
  EXPECT_EQ(described("four-level"), "x86_64, 4 levels");
  EXPECT_EQ(described("five-level"), "x86_64, 5 levels");
  EXPECT_EQ(described("4k"), "aarch64, 4 KiB granule, 4 levels, 48-bit addresses");
  EXPECT_EQ(described("4k:39"), "aarch64, 4 KiB granule, 3 levels, 39-bit addresses");
  EXPECT_EQ(described("4k:52"),
            "aarch64, 4 KiB granule, 5 levels, 52-bit addresses, 52-bit physical");
  EXPECT_EQ(described("16k:47"), "aarch64, 16 KiB granule, 3 levels, 47-bit addresses");
  EXPECT_EQ(described("64k:52"), "aarch64, 64 KiB granule, 3 levels, 52-bit addresses");
  EXPECT_EQ(described("64k:42:lpa"),
            "aarch64, 64 KiB granule, 2 levels, 42-bit addresses, 52-bit physical");
  EXPECT_EQ(described("16k:lpa"),
            "aarch64, 16 KiB granule, 4 levels, 48-bit addresses, 52-bit physical");
}

TEST(StatedPaging, WhatIsNoMode) {
  for (const std::string_view text :
       {"", "pae ", "4", "4k:24", "4k:53", "4k:lpa:48", "4k:48:48", "4k:48:lp", "4k:0x30", "8k:48",
        "four_level", "4k:99999999999"})
    EXPECT_NE(described(text).find("page tables are two-level"), std::string::npos) << text;
}

TEST(StatedPaging, TheRootIsOfTheHalfThatAnAddressLiesIn) {
  TableWords words;
  words.set(0x1000 + 511 * 8, 0x2003).set(0x2000 + 511 * 8, 0x40000000 | 0x401);
  words.set(0x1000, 0x3003).set(0x3000, 0x80000000 | 0x401);
  const auto table = stated_page_table(0x1000, "4k:48");
  ASSERT_TRUE(table);
  const auto upper = (*table)->walk(0xffffffffc0000123, words, nullptr);
  ASSERT_TRUE(upper) << upper.error().text;
  EXPECT_EQ(upper->physical, 0x40000123U);
  const auto lower = (*table)->walk(0x123, words, nullptr);
  ASSERT_TRUE(lower) << lower.error().text;
  EXPECT_EQ(lower->physical, 0x80000123U);
}

TEST(ControlRegisters, SayHowAProcessorTranslated) {
  const auto of = [](Architecture architecture, std::uint64_t cr0, std::uint64_t cr3,
                     std::uint64_t cr4) {
    Registers registers;
    registers.others = {{"cr0", cr0}, {"cr3", cr3}, {"cr4", cr4}};
    return x86_paging_of(registers, architecture);
  };
  const auto four = of(Architecture::x86_64, 0x80050033, 0x8000000000123018, 0x6f0);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->mode, X86Mode::four_level);
  EXPECT_EQ(four->root, 0x123000U);
  EXPECT_EQ(of(Architecture::x86_64, 0x80050033, 0x1000, 0x16f0)->mode, X86Mode::five_level);
  const auto pae = of(Architecture::i386, 0x80050033, 0x1234567f, 0x6f0);
  ASSERT_TRUE(pae);
  EXPECT_EQ(pae->mode, X86Mode::pae);
  EXPECT_EQ(pae->root, 0x12345660U);
  EXPECT_EQ(of(Architecture::i386, 0x80050033, 0x12345678, 0x6d0)->mode, X86Mode::two_level);
  EXPECT_TRUE(of(Architecture::x86_64, 0, 0x1000, 0x6f0)) << "CR0 is untold";
  EXPECT_FALSE(of(Architecture::x86_64, 0x11, 0x1000, 0x6f0)) << "it did not translate";
  EXPECT_FALSE(of(Architecture::x86_64, 0x80050033, 0, 0x6f0));
  EXPECT_FALSE(of(Architecture::aarch64, 0x80050033, 0x1000, 0x6f0));
  EXPECT_FALSE(x86_paging_of(Registers(), Architecture::x86_64));
}

}  // namespace
}  // namespace panicroom
