// What the header of a NetBSD kernel core says of its page tables; tables written bit by bit, and
// expected values worked out by hand.
#include <gtest/gtest.h>

#include "core/kernel/netbsd/page_table.h"
#include "tests/unit/table_words.h"

namespace panicroom {
namespace {

using testing::TableWords;

Dump dump_of(Architecture architecture, KcoreHeader header) {
  Dump dump;
  dump.machine = {architecture, pointer_size_of(architecture, 8), std::endian::little, 4096};
  dump.kcore = header;
  return dump;
}

/// TCR_EL1 with T0SZ and T1SZ, and TG1 of the granule.
std::uint64_t tcr(std::uint64_t untranslated, std::uint64_t tg1) {
  return tg1 << 30 | untranslated << 16 | untranslated;
}

/// Of a core without a kernel file.
std::unique_ptr<PageTable> table_of(const Dump& dump) {
  Notes notes;
  auto found = netbsd::find_page_table(dump, {}, notes);
  EXPECT_TRUE(found);
  return found ? std::move(*found) : nullptr;
}

std::string described(std::uint64_t tcr1) {
  KcoreHeader header;
  header.tcr1 = tcr1;
  header.ttbr1 = 0x40001000;
  const auto table = table_of(dump_of(Architecture::aarch64, header));
  return table ? table->describe() : "none";
}

// NetBSD's kvm_aarch64.c once took T1SZ + 36 or 38 for the bits of an address, and 48 bits' levels
// for all of them.
TEST(NetBsdPageTable, Aarch64AddressesHave64BitsLessT1sz) {
  EXPECT_EQ(described(tcr(16, 2)), "aarch64, 4 KiB granule, 4 levels, 48-bit addresses");
  EXPECT_EQ(described(tcr(25, 2)), "aarch64, 4 KiB granule, 3 levels, 39-bit addresses");
  EXPECT_EQ(described(tcr(16, 1)), "aarch64, 16 KiB granule, 4 levels, 48-bit addresses");
  EXPECT_EQ(described(tcr(22, 3)), "aarch64, 64 KiB granule, 2 levels, 42-bit addresses");
  EXPECT_EQ(described(tcr(0, 2)), "none");
  EXPECT_EQ(described(tcr(63, 2)), "none");
}

// TTBR1_EL1 as it is read has the number of an address space above the address and CnP below it.
TEST(NetBsdPageTable, Aarch64RootIsAnAddressAlone) {
  KcoreHeader header;
  header.tcr1 = tcr(25, 2);
  header.ttbr1 = 0x7f0f000040001001;
  const auto table = table_of(dump_of(Architecture::aarch64, header));
  ASSERT_TRUE(table);
  // 0xffffff80c0a03456: level 1 entry 3, level 2 entry 5, level 3 entry 3.
  TableWords words;
  words.set(0x40001000 + 3 * 8, 0x40002003).set(0x40002000 + 5 * 8, 0x40003003);
  words.set(0x40003000 + 3 * 8, 0x80007703);
  auto found = table->walk(0xffffff80c0a03456, words, nullptr);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->physical, 0x80007456U);
  // A block of 2 MiB at level 2.
  words.set(0x40002000 + 5 * 8, 0x80200701);
  found = table->walk(0xffffff80c0a03456, words, nullptr);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->physical, 0x80203456U);
  EXPECT_EQ(found->page_size, 0x200000U);
}

// kvm_x86_64.c looked at no PS bit.
TEST(NetBsdPageTable, LargePagesOfAmd64) {
  KcoreHeader header;
  header.page_table_root = 0x101000;
  const auto table = table_of(dump_of(Architecture::x86_64, header));
  ASSERT_TRUE(table);
  // 0xffffffff80212345: PML4 511, PDPT 510, PD 1; then a page of 1 GiB.
  TableWords words;
  words.set(0x101000 + 511 * 8, 0x102003).set(0x102000 + 510 * 8, 0x103003);
  words.set(0x103000 + 1 * 8, 0x4000e3);
  EXPECT_EQ(table->walk(0xffffffff80212345, words, nullptr)->physical, 0x412345U);
  words.set(0x102000 + 510 * 8, 0x400000e3);
  EXPECT_EQ(table->walk(0xffffffff80212345, words, nullptr)->physical, 0x40212345U);
}

TEST(NetBsdPageTable, I386ByThePaeFlag) {
  KcoreHeader header;
  header.page_table_root = 0x101000;
  EXPECT_EQ(table_of(dump_of(Architecture::i386, header))->describe(), "i386, 2 levels");
  header.pae = true;
  const Dump dump = dump_of(Architecture::i386, header);
  EXPECT_EQ(table_of(dump)->describe(), "i386, PAE");
  const auto process = netbsd::process_page_table(dump, 0x200000);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code, ErrorCode::unsupported);
}

TEST(NetBsdPageTable, ProcessesOfAarch64HaveTheLowerHalf) {
  KcoreHeader header;
  header.tcr1 = tcr(25, 2);
  header.ttbr1 = 0x40001000;
  const auto table = netbsd::process_page_table(dump_of(Architecture::aarch64, header), 0x50001000);
  ASSERT_TRUE(table) << table.error().message();
  TableWords words;
  words.set(0x50001000, 0x80000701);  // a block of 1 GiB
  EXPECT_EQ((*table)->walk(0x1234, words, nullptr)->physical, 0x80001234U);
  EXPECT_FALSE((*table)->walk(0xffffff8000001234, words, nullptr));
}

TEST(NetBsdPageTable, NothingTellsThoseOfAHeaderWithoutARoot) {
  EXPECT_FALSE(table_of(dump_of(Architecture::x86_64, {})));
  EXPECT_FALSE(table_of(dump_of(Architecture::aarch64, {})));
  EXPECT_FALSE(table_of(Dump{}));
}

}  // namespace
}  // namespace panicroom
