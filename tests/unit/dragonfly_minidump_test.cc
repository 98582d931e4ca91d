// Layout: DragonFly sys/platform/pc64/include/minidump.h and x86_64/minidump_machdep.c. The numbers
// of the header are those of a real 5.9 dump but for the sizes.
#include <gtest/gtest.h>

#include <array>

#include "core/arch/page_table.h"
#include "core/dump/formats.h"
#include "tests/unit/dump_image.h"
#include "tests/unit/table_words.h"

namespace panicroom {
namespace {

using testing::holds_page;
using testing::Image;
using testing::lacks_page;
using testing::page_of;
using testing::remarks_mention;
using testing::TableWords;
using testing::Unmapped;

constexpr std::uint64_t kernbase = 0xfffff80040000000;
constexpr std::uint64_t dmapbase = 0xffffb80000000000;
constexpr std::uint64_t dmapend = 0xfffff80000000000;
constexpr std::uint64_t map_size = 0x200000;
constexpr std::uint64_t message_size = 0xfe0;  // not a page's multiple, as the real one
const std::vector<std::uint64_t> dumped = {0x0, 0x5000, 0x6000, 0x123000, 0x10000000};

Image write(std::uint64_t bitmap_size = 0x2008) {
  Image image;
  image.put_text(0, "minidump DFlyBSD/x86-64").put32(24, 2).put32(28, 0xffffffff);
  image.put64(32, message_size).put64(40, bitmap_size).put64(48, map_size);
  image.put64(56, kernbase).put64(64, dmapbase).put64(72, dmapend);
  image.put_text(0x1000, "message");
  const std::uint64_t bitmap = 0x2000;
  for (const std::uint64_t address : dumped) image.set_bit(bitmap, address / 0x1000);
  std::uint64_t at = bitmap + (bitmap_size + 0xfff) / 0x1000 * 0x1000;
  image.put64(at + (kernbase >> 30U) % 0x40000 * 8, 0x5003);
  at += map_size;
  image.resize(at);
  for (const std::uint64_t address : dumped) {
    image.put_bytes(at, page_of(address, 0x1000));
    at += 0x1000;
  }
  return image;
}

Result<Dump> open(const Image& image) {
  const SourcePtr source = image.source();
  return open_dump({&source, 1});
}

TEST(DragonFlyMinidump, EverythingOfTheHeaderIsUsed) {
  const Image image = write();
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, "DragonFly minidump v2");
  EXPECT_EQ(dump->machine.architecture, Architecture::x86_64);
  EXPECT_EQ(dump->machine.pointer_size, 8);
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(dump->remarks.empty());
  for (const std::uint64_t address : dumped) EXPECT_TRUE(holds_page(*dump, address));
  EXPECT_TRUE(lacks_page(*dump, 0x7000, Absence::excluded));
  EXPECT_TRUE(lacks_page(*dump, 0x10001000, Absence::hole));
  ASSERT_TRUE(dump->minidump);
  EXPECT_TRUE(dump->minidump->of_dragonfly);
  EXPECT_EQ(dump->minidump->kernbase, kernbase);
  EXPECT_EQ(dump->minidump->dmapbase, dmapbase);
  EXPECT_EQ(dump->minidump->dmapend, dmapend);
  EXPECT_EQ(dump->minidump->map_size, map_size);
  ASSERT_TRUE(dump->message_buffer);
  EXPECT_EQ(dump->message_buffer->first, 0x1000U);
  EXPECT_EQ(dump->message_buffer->second, message_size);
  EXPECT_TRUE(testing::regions_cover(*dump, {image.size()}));
  EXPECT_EQ(testing::region_names(*dump),
            (std::vector<std::string>{"header", "message buffer", "bitmap of dumped pages",
                                      "page map", "page data"}));
}

TEST(DragonFlyMinidump, WithoutAMappedFileEverythingIsTheSame) {
  const SourcePtr source = std::make_shared<Unmapped>(write().source());
  const auto dump = open_dump({&source, 1});
  ASSERT_TRUE(dump);
  for (const std::uint64_t address : dumped) EXPECT_TRUE(holds_page(*dump, address));
}

/// Cut anywhere it opens or says what it lacks.
TEST(DragonFlyMinidump, ATruncatedFileSaysWhatItLacks) {
  const Image whole = write();
  for (const std::uint64_t size :
       {whole.size() - 0x1000, whole.size() - 1, std::uint64_t{0x3000}}) {
    Image image = whole;
    image.resize(size);
    const auto dump = open(image);
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_FALSE(dump->complete);
    EXPECT_FALSE(dump->remarks.empty());
    EXPECT_FALSE(dump->memory->locate(0x10000000).present);
    EXPECT_TRUE(testing::regions_cover(*dump, {image.size()}));
  }
  Image last = whole;
  last.resize(whole.size() - 1);
  const auto without_last = open(last);
  ASSERT_TRUE(without_last);
  EXPECT_TRUE(holds_page(*without_last, 0x123000));
  EXPECT_TRUE(lacks_page(*without_last, 0x10000000, Absence::truncated));
  Image image = whole;
  image.resize(79);
  const auto dump = open(image);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::not_in_dump);
}

TEST(DragonFlyMinidump, SizesThatCannotBeAreRefused) {
  for (const std::uint64_t field : {32U, 40U, 48U})
    for (const std::uint64_t size :
         {~std::uint64_t{0}, ~std::uint64_t{0} << 12U, std::uint64_t{1} << 63U}) {
      Image image = write();
      image.put64(field, size);
      const auto dump = open(image);
      if (field == 40 || size > std::uint64_t{1} << 63U) {
        ASSERT_FALSE(dump) << field;
        EXPECT_EQ(dump.error().code, ErrorCode::corrupt);
        continue;
      }
      ASSERT_TRUE(dump) << field;
      EXPECT_FALSE(dump->complete);
      EXPECT_FALSE(dump->memory->locate(0x5000).present);
    }
}

TEST(DragonFlyMinidump, OtherVersionsAndArchitecturesAreNamed) {
  Image version = write();
  version.put32(24, 3);
  const auto newer = open(version);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::unsupported);
  EXPECT_NE(newer.error().text.find("version 3"), std::string::npos);
  Image architecture = write();
  architecture.put_text(17, "arm64\0\0");
  const auto other = open(architecture);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::unsupported);
  EXPECT_NE(other.error().text.find("arm64"), std::string::npos);
}

/// libkvm's reader of version 1 skips the bitmap by a size that it has not read yet.
TEST(DragonFlyMinidump, Version1IsFreeBsdsWithABitmapOfAnySize) {
  Image image;
  image.put_text(0, "minidump FreeBSD/amd64").put32(24, 1).put32(28, message_size);
  image.put32(32, 0x2008).put32(36, 0x1000);
  image.put64(40, kernbase).put64(48, dmapbase).put64(56, dmapend);
  for (const std::uint64_t address : dumped) image.set_bit(0x2000, address / 0x1000);
  image.put64(0x5000, 0x5003).resize(0x6000);
  for (const std::uint64_t address : dumped)
    image.put_bytes(image.size(), page_of(address, 0x1000));
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  for (const std::uint64_t address : dumped) EXPECT_TRUE(holds_page(*dump, address));
  TableWords words;
  const auto table = minidump_page_table(*dump->minidump, dump->machine);
  ASSERT_TRUE(table);
  const auto page = (*table)->walk(kernbase + 0x123, words, nullptr);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->physical, 0x5123U);
}

class DragonFlyMap : public ::testing::Test {
 protected:
  static constexpr std::uint64_t map_offset = 0x3000;

  std::uint64_t entry_of(std::uint64_t address) {
    return map_offset + (address >> 30U) % 0x40000 * 8;
  }
  std::unique_ptr<PageTable> table(std::uint64_t size = map_size) {
    if (size == map_size) image.resize(map_offset + map_size);
    MinidumpMap map;
    map.version = 2;
    map.of_dragonfly = true;
    map.kernbase = kernbase;
    map.dmapbase = dmapbase;
    map.dmapend = dmapend;
    map.map_offset = map_offset;
    map.map_size = size;
    map.file = image.source();
    auto made = minidump_page_table(map, {Architecture::x86_64, 8, std::endian::little, 4096});
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  Translation ok(std::uint64_t address) {
    const auto found = table()->walk(address, words, &steps);
    EXPECT_TRUE(found) << (found ? "" : found.error().message());
    return found ? *found : Translation{};
  }
  ErrorCode bad(std::uint64_t address) {
    const auto found = table()->walk(address, words, nullptr);
    EXPECT_FALSE(found);
    return found ? ErrorCode::invalid : found.error().code;
  }

  Image image;
  TableWords words;
  std::vector<TranslationStep> steps;
};

TEST_F(DragonFlyMap, FourKilobytePagesThroughTheTablesInTheDump) {
  image.put64(entry_of(0xffffffff80000000), 0x7000063);
  words.set(0x7000000 + 1 * 8, 0x8000063);
  words.set(0x8000000 + 3 * 8, 0x80000000abcde0e1);  // bit 7 of a last entry is PAT
  const Translation page = ok(0xffffffff80203456);
  EXPECT_EQ(page.physical, 0xabcde456U);
  EXPECT_EQ(page.page_size, 0x1000U);
  EXPECT_FALSE(page.writable);
  EXPECT_FALSE(page.executable);
  EXPECT_EQ(testing::meanings(steps),
            (std::vector<std::string>{"minidump page map: table at 0x7000000",
                                      "PD: table at 0x8000000", "PT: 4 KiB page at 0xabcde000"}));
  EXPECT_EQ(steps[0].entry_offset, entry_of(0xffffffff80000000));
  words.absent_pages.insert(0x8000000);
  const auto lacking = table()->walk(0xffffffff80203456, words, nullptr);
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(lacking.error().address, 0xffffffff80203456U);
}

/// libkvm adds the offset before it masks.
TEST_F(DragonFlyMap, LargePagesOfBothSizes) {
  image.put64(entry_of(kernbase), 0x7000063);
  image.put64(entry_of(0xffffffffc0000000), 0x1c0001083 | 0x1000);  // bit 12 is PAT
  words.set(0x7000000 + 511 * 8, 0x40000000 | 0x11e3);
  const Translation two = ok(kernbase + 0x3fe00000 + 0x145678);
  EXPECT_EQ(two.physical, 0x40145678U);
  EXPECT_EQ(two.page_size, 0x200000U);
  EXPECT_TRUE(two.writable);
  const Translation gib = ok(0xffffffffd2345678);
  EXPECT_EQ(gib.physical, 0x1c0000000U + 0x12345678);
  EXPECT_EQ(gib.page_size, 0x40000000U);
}

/// libkvm does not look at the last entry's V bit.
TEST_F(DragonFlyMap, EachLevelMustBeValid) {
  image.put64(entry_of(kernbase), 0x7000063);
  image.put64(entry_of(0xffffffff80000000), 0x7000062);
  words.set(0x7000000, 0x8000063).set(0x7000000 + 8, 0x8000062);
  words.set(0x8000000, 0x9000062);
  EXPECT_EQ(bad(kernbase), ErrorCode::unmapped);
  EXPECT_EQ(bad(kernbase + 0x200000), ErrorCode::unmapped);
  EXPECT_EQ(bad(0xffffffff80000000), ErrorCode::unmapped);
  EXPECT_EQ(bad(0x400000), ErrorCode::unmapped) << "user memory";
  EXPECT_EQ(bad(0x0001000000000000), ErrorCode::unmapped) << "not canonical";
}

/// libkvm never stores the direct map's end, so that every address of it fails.
TEST_F(DragonFlyMap, DirectMapIsTheHeaders) {
  EXPECT_EQ(ok(dmapbase + 0x12345678).physical, 0x12345678U);
  EXPECT_EQ(ok(dmapend - 1).physical, dmapend - 1 - dmapbase);
  EXPECT_EQ(bad(dmapbase - 1), ErrorCode::unmapped);
  EXPECT_EQ(bad(dmapend), ErrorCode::unmapped);
}

TEST_F(DragonFlyMap, AMapThatEndsEarly) {
  image.put64(map_offset, 0).resize(map_offset + 0x1000);
  const auto shorter = table(0x1000)->walk(kernbase, words, nullptr);
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code, ErrorCode::unmapped);
  const auto cut = table(map_size - 8)->walk(kernbase, words, nullptr);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::not_in_dump);
}

}  // namespace
}  // namespace panicroom
