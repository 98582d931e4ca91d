// Page maps written after freebsd-src's minidump.h files; expected values worked out by hand.
#include <gtest/gtest.h>

#include "core/arch/page_table.h"
#include "tests/unit/dump_image.h"
#include "tests/unit/table_words.h"

namespace panicroom {
namespace {

using testing::Image;
using testing::TableWords;

constexpr std::uint64_t kernbase = 0xfffffe0000000000;
constexpr std::uint64_t dmapbase = 0xfffff80000000000;
constexpr std::uint64_t map_offset = 0x3000;

MinidumpMap map_of(const Image& image, std::uint32_t version) {
  MinidumpMap map;
  map.version = version;
  map.kernbase = kernbase;
  map.dmapbase = dmapbase;
  map.dmapend = dmapbase + 0x80000000;
  map.map_offset = map_offset;
  map.map_size = image.size() - map_offset;
  map.file = image.source();
  return map;
}
std::unique_ptr<PageTable> table_of(const MinidumpMap& map, Machine machine) {
  auto table = minidump_page_table(map, machine);
  EXPECT_TRUE(table);
  return std::move(*table);
}
constexpr Machine amd64{Architecture::x86_64, 8, std::endian::little, 4096};
constexpr Machine i386{Architecture::i386, 4, std::endian::little, 4096};

Translation ok(const PageTable& table, std::uint64_t address, TableWords& words) {
  auto found = table.walk(address, words, nullptr);
  EXPECT_TRUE(found) << (found ? "" : found.error().message());
  return found ? *found : Translation{};
}
Error bad(const PageTable& table, std::uint64_t address, TableWords& words) {
  auto found = table.walk(address, words, nullptr);
  EXPECT_FALSE(found);
  return found ? Error{} : found.error();
}

TEST(MinidumpMapAmd64, Version1HasPageTableEntries) {
  Image image;
  image.put64(map_offset + 5 * 8, 0x8000000012345163).put64(map_offset + 7 * 8, 0x12345162);
  TableWords words;
  const auto table = table_of(map_of(image, 1), amd64);
  std::vector<TranslationStep> steps;
  const auto page = table->walk(kernbase + 0x5678, words, &steps);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->physical, 0x12345678U);
  EXPECT_EQ(page->page_size, 0x1000U);
  EXPECT_FALSE(page->executable);
  EXPECT_TRUE(page->writable);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].entry_offset, map_offset + 0x28);
  EXPECT_FALSE(steps[0].entry_address);
  EXPECT_EQ(steps[0].index, 5U);
  EXPECT_EQ(steps[0].entry, 0x8000000012345163U);
  EXPECT_EQ(steps[0].meaning, "4 KiB page at 0x12345000");
  EXPECT_EQ(bad(*table, kernbase + 0x7000, words).code, ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, kernbase + 0x8000, words).code, ErrorCode::unmapped) << "past the map";
  EXPECT_EQ(bad(*table, ~0ULL, words).code, ErrorCode::unmapped);
}

TEST(MinidumpMapAmd64, Versions2And3HavePageDirectoryEntries) {
  for (const std::uint32_t version : {2U, 3U}) {
    Image image;
    image.put64(map_offset, 0x7000063).put64(map_offset + 8, 0x40000000 | 0x11e3);
    TableWords words;
    // A last-level entry's bit 7 is PAT.
    words.set(0x7000000 + 3 * 8, 0x80000000abcde0e1);
    const auto table = table_of(map_of(image, version), amd64);
    std::vector<TranslationStep> steps;
    const auto page = table->walk(kernbase + 0x3456, words, &steps);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->physical, 0xabcde456U);
    EXPECT_FALSE(page->writable);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].entry_offset, map_offset);
    EXPECT_EQ(steps[0].meaning, "table at 0x7000000");
    EXPECT_EQ(steps[1].entry_address, 0x7000018U);
    const auto large = ok(*table, kernbase + 0x345678, words);
    EXPECT_EQ(large.physical, 0x40145678U);
    EXPECT_EQ(large.page_size, 0x200000U);
    words.absent_pages.insert(0x7000000);
    const Error error = bad(*table, kernbase + 0x3456, words);
    EXPECT_EQ(error.code, ErrorCode::not_in_dump);
    EXPECT_EQ(error.absence, Absence::excluded);
    EXPECT_EQ(error.address, kernbase + 0x3456);
  }
}

/// A page that is called 2 MiB would be remembered for the direct map's addresses in it too.
TEST(MinidumpMapAmd64, APageBesideTheDirectMapHasNothingOfIt) {
  Image image;
  image.put64(map_offset, 0x40000000 | 0x11e3);
  TableWords words;
  MinidumpMap map = map_of(image, 3);
  map.dmapbase = kernbase - 0x200000;
  map.dmapend = kernbase + 0x101000;  // within the first 2 MiB of the kernel
  const auto table = table_of(map, amd64);
  EXPECT_EQ(ok(*table, kernbase + 0x101234, words).page_size, 0x1000U);
  EXPECT_EQ(ok(*table, kernbase + 0x1ff000, words).page_size, 0x80000U);
  EXPECT_EQ(ok(*table, kernbase + 0x100234, words).physical, 0x300234U);
}

TEST(MinidumpMapAmd64, DirectMapIsBoundedByTheHeader) {
  Image image;
  image.put64(map_offset, 0);
  TableWords words;
  const auto table = table_of(map_of(image, 3), amd64);
  std::vector<TranslationStep> steps;
  const auto page = table->walk(dmapbase + 0x7fffffff, words, &steps);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->physical, 0x7fffffffU);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].table, "direct map");
  EXPECT_EQ(bad(*table, dmapbase + 0x80000000, words).code, ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, dmapbase - 1, words).code, ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, 0x400000, words).code, ErrorCode::unmapped) << "user memory";
}

TEST(MinidumpMapAmd64, FileThatEndsWithinTheMap) {
  Image image;
  image.put64(map_offset, 0x7000063);
  MinidumpMap map = map_of(image, 3);
  map.map_size = 0x1000;
  TableWords words;
  const Error error = bad(*table_of(map, amd64), kernbase + 0x200000, words);
  EXPECT_EQ(error.code, ErrorCode::not_in_dump);
  EXPECT_EQ(error.absence, Absence::truncated);
  EXPECT_EQ(error.address, kernbase + 0x200000);
}

TEST(MinidumpMapAmd64, WithoutAViewOfTheFile) {
  Image image;
  image.put64(map_offset + 8, 0x40000000 | 0x11e3);
  MinidumpMap map = map_of(image, 3);
  map.file = std::make_shared<testing::Unmapped>(map.file);
  TableWords words;
  EXPECT_EQ(ok(*table_of(map, amd64), kernbase + 0x345678, words).physical, 0x40145678U);
}

TEST(MinidumpMapI386, FourByteEntries) {
  Image image;
  image.put32(map_offset + 0x123 * 4, 0xfedcb063);
  MinidumpMap map = map_of(image, 1);
  map.kernbase = 0xc0000000;
  map.dmapbase = map.dmapend = 0;
  TableWords words;
  const auto table = table_of(map, i386);
  EXPECT_EQ(ok(*table, 0xc0123456, words).physical, 0xfedcb456U);
  EXPECT_EQ(bad(*table, 0xbfffffff, words).code, ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, 0xffffffff, words).code, ErrorCode::unmapped);
  EXPECT_EQ(bad(*table, 0x1c0123456, words).code, ErrorCode::unmapped);
}

TEST(MinidumpMapI386, PaeEntriesReachAbove4GiB) {
  Image image;
  image.put64(map_offset + 0x123 * 8, 0x8000000f12345063);
  MinidumpMap map = map_of(image, 2);
  map.pae = true;
  map.kernbase = 0x800000;
  map.dmapbase = map.dmapend = 0;
  TableWords words;
  const auto page = ok(*table_of(map, i386), 0x923456, words);
  EXPECT_EQ(page.physical, 0xf12345456U);
  EXPECT_FALSE(page.executable);
}

TEST(MinidumpMapArm64, PagesOfFourAndSixteenKiB) {
  Image image;
  image.put64(map_offset + 8, 0x0068000abcdec703).put64(map_offset + 16, 0xabcde701);
  MinidumpMap map = map_of(image, 2);
  map.kernbase = 0xffff000000000000;
  map.dmapbase = 0xffffa00000000000;
  map.dmapend = 0xffffa00080000000;
  map.dmapphys = 0x40000000;
  Machine machine{Architecture::aarch64, 8, std::endian::little, 4096};
  TableWords words;
  auto table = table_of(map, machine);
  auto page = ok(*table, 0xffff000000001456, words);
  EXPECT_EQ(page.physical, 0xabcdec456U);
  EXPECT_FALSE(page.executable);
  EXPECT_EQ(bad(*table, 0xffff000000002000, words).code, ErrorCode::corrupt);
  EXPECT_EQ(bad(*table, 0xffff000000000000, words).code, ErrorCode::unmapped);
  EXPECT_EQ(ok(*table, 0xffffa00000001234, words).physical, 0x40001234U);
  EXPECT_EQ(bad(*table, 0xffffa00080000000, words).code, ErrorCode::unmapped);
  machine.page_size = 16384;
  table = table_of(map, machine);
  page = ok(*table, 0xffff000000006456, words);
  EXPECT_EQ(page.physical, 0xabcdec000U + 0x2456);
  EXPECT_EQ(page.page_size, 0x4000U);
}

TEST(MinidumpMap, HeadersThatCannotBe) {
  Image image;
  image.put64(map_offset, 0);
  MinidumpMap map = map_of(image, 3);
  EXPECT_EQ(minidump_page_table(map, {Architecture::riscv64}).error().code, ErrorCode::unsupported);
  map.dmapend = map.dmapbase - 1;
  EXPECT_EQ(minidump_page_table(map, amd64).error().code, ErrorCode::corrupt);
  map = map_of(image, 3);
  map.map_offset = ~0ULL - 8;
  map.map_size = 64;
  EXPECT_EQ(minidump_page_table(map, amd64).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace panicroom
