#include "core/memory/address_space.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/fake_memory.h"

namespace panicroom {
namespace {

using testing::byte_at;
using testing::bytes_of;
using testing::FakeMemory;
using testing::word_at;

/// A table that is a list: virtual start -> (physical start, page size).
class ListTable final : public PageTable {
 public:
  struct Page {
    std::uint64_t physical;
    std::uint64_t size;
  };
  explicit ListTable(std::map<std::uint64_t, Page> pages) : pages_(std::move(pages)) {}
  mutable unsigned walks = 0;

  Result<Translation> walk(std::uint64_t address, PhysicalWords& /*words*/,
                           std::vector<TranslationStep>* /*steps*/) const override {
    ++walks;
    auto page = pages_.upper_bound(address);
    if (page != pages_.begin()) {
      --page;
      const std::uint64_t within = address - page->first;
      if (within < page->second.size) {
        return Translation{page->second.physical + within, page->second.size, true, true, false};
      }
    }
    return fail(ErrorCode::unmapped, "nothing here");
  }
  std::string describe() const override { return "list"; }

 private:
  std::map<std::uint64_t, Page> pages_;
};

constexpr Machine machine64{Architecture::x86_64, 8, std::endian::little, 4096};
constexpr Machine machine32{Architecture::i386, 4, std::endian::little, 4096};

std::shared_ptr<FakeMemory> memory_of(bool mapped, std::uint32_t page_size = 4096) {
  auto memory = std::make_shared<FakeMemory>(page_size, mapped);
  memory->add(0x100000, 0x1000000);
  return memory;
}
std::vector<std::byte> buffer_of(std::size_t size) { return std::vector(size, std::byte{0xaa}); }

class AddressSpaceOf : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(MappedOrNot, AddressSpaceOf, ::testing::Bool());

TEST_P(AddressSpaceOf, ReadsAcrossPagesThatLieApart) {
  auto table = std::make_shared<ListTable>(std::map<std::uint64_t, ListTable::Page>{
      {0x10000, {0x200000, 0x1000}}, {0x11000, {0x150000, 0x1000}}, {0x12000, {0x300000, 0x1000}}});
  AddressSpace space(memory_of(GetParam()), machine64, table);
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(space.u64(0x10008).value(), word_at(0x200008));
    EXPECT_EQ(space.u64(0x10ffc).value(), word_at(0x200ff8) >> 32 | word_at(0x150000) << 32);
    EXPECT_EQ(space.u32(0x11ffe).value(),
              (word_at(0x150ff8) >> 48 | word_at(0x300000) << 16) & 0xffffffff);
    EXPECT_EQ(space.u16(0x12000).value(), word_at(0x300000) & 0xffff);
    EXPECT_EQ(space.u8(0x12001).value(), static_cast<std::uint8_t>(byte_at(0x300001)));
    auto out = buffer_of(0x2800);
    ASSERT_TRUE(space.read(0x10400, out));
    EXPECT_TRUE(bytes_of(0x200400, Bytes(out).first(0xc00)));
    EXPECT_TRUE(bytes_of(0x150000, Bytes(out).subspan(0xc00, 0x1000)));
    EXPECT_TRUE(bytes_of(0x300000, Bytes(out).subspan(0x1c00)));
  }
  EXPECT_EQ(table->walks, 3U) << "each page is translated once";
}

TEST_P(AddressSpaceOf, ViewsShowTheSameBytes) {
  auto table = std::make_shared<ListTable>(
      std::map<std::uint64_t, ListTable::Page>{{0x10000, {0x200000, 0x1000}},
                                               {0x11000, {0x150000, 0x1000}},
                                               {0x12000, {0x5000000, 0x1000}}});
  auto memory = memory_of(GetParam());
  AddressSpace space(memory, machine64, table);
  const auto in_place = space.view(0x10400, 0xc00);
  ASSERT_TRUE(in_place);
  EXPECT_TRUE(bytes_of(0x200400, *in_place));
  const Bytes of_the_dump = memory->view(0x200400);
  EXPECT_EQ(in_place->data() == of_the_dump.data(), GetParam()) << "copied, or not the dump's own";
  const auto across = space.view(0x10c00, 0x1000);
  ASSERT_TRUE(across);
  ASSERT_EQ(across->size(), 0x1000U);
  EXPECT_TRUE(bytes_of(0x200c00, across->first(0x400)));
  EXPECT_TRUE(bytes_of(0x150000, across->subspan(0x400)));
  EXPECT_TRUE(space.view(0x11000, 0)->empty());
  const auto beyond = space.view(0x11c00, 0x1000);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(beyond.error().address, 0x12000U);
}

TEST_P(AddressSpaceOf, WholeOrNothingWithTheFirstAddressThatFailed) {
  auto table = std::make_shared<ListTable>(
      std::map<std::uint64_t, ListTable::Page>{{0x10000, {0x200000, 0x1000}},
                                               {0x12000, {0x300000, 0x1000}},
                                               {0x13000, {0x5000000, 0x1000}}});
  AddressSpace space(memory_of(GetParam()), machine64, table);
  auto out = buffer_of(0x1800);
  auto done = space.read(0x10c00, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unmapped);
  EXPECT_EQ(done.error().address, 0x11000U);
  EXPECT_EQ(out, buffer_of(0x1800));
  // Mapped, but the dump lacks the page.
  done = space.read(0x12c00, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(done.error().absence, Absence::hole);
  EXPECT_EQ(done.error().address, 0x13000U);
  EXPECT_EQ(out, buffer_of(0x1800));
  EXPECT_EQ(space.u64(0x12ffc).error().address, 0x13000U);
  EXPECT_EQ(space.u64(0x13008).error().address, 0x13008U);

  Error error;
  EXPECT_EQ(space.read_some(0x10c00, out, &error), 0x400U);
  EXPECT_EQ(error.address, 0x11000U);
  EXPECT_TRUE(bytes_of(0x200c00, Bytes(out).first(0x400)));
  EXPECT_EQ(out[0x400], std::byte{0xaa});
  EXPECT_EQ(space.read_some(0x11000, out), 0U);
}

TEST(AddressSpace, AnErrorNamesThePhysicalPlaceOnce) {
  auto table = std::make_shared<ListTable>(
      std::map<std::uint64_t, ListTable::Page>{{0x10000, {0x200000, 0x1000}}});
  auto memory = memory_of(false);
  memory->corrupt_page = 0x200000;
  memory->damage_is_stored = true;
  AddressSpace space(memory, machine64, table);
  const auto read = space.u64(0x10008);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().text.starts_with("physical 0x200008: ")) << read.error().text;
  EXPECT_EQ(read.error().text.rfind("physical"), 0U) << read.error().text;
  EXPECT_EQ(read.error().address, 0x10008U);
}

TEST_P(AddressSpaceOf, LargePagesBesideSmallOnes) {
  // A 2 MiB page, a 2 MiB stretch of 4 KiB pages in descending order, a 4 MiB page.
  std::map<std::uint64_t, ListTable::Page> pages = {{0x40000000, {0x400000, 0x200000}},
                                                    {0x40400000, {0x800000, 0x400000}}};
  for (std::uint64_t i = 0; i < 512; ++i) {
    pages[0x40200000 + i * 0x1000] = {0x3ff000 - i * 0x1000, 0x1000};
  }
  auto table = std::make_shared<ListTable>(pages);
  AddressSpace space(memory_of(GetParam()), machine64, table);
  const auto physical = [](std::uint64_t address) -> std::uint64_t {
    if (address < 0x40200000) return address - 0x40000000 + 0x400000;
    if (address >= 0x40400000) return address - 0x40400000 + 0x800000;
    return 0x3ff000 - (address - 0x40200000) / 0x1000 * 0x1000 + address % 0x1000;
  };
  std::uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const std::uint64_t address = 0x40000000 + (state >> 33) % 0x7ffff8;
    std::uint64_t expected = 0;
    for (unsigned b = 0; b < 8; ++b) {
      expected |= std::to_integer<std::uint64_t>(byte_at(physical(address + b))) << 8 * b;
    }
    ASSERT_EQ(space.u64(address).value(), expected) << std::hex << address;
  }
  auto out = buffer_of(0x700000);
  ASSERT_TRUE(space.read(0x40000000, out));
  for (const std::size_t at : {0x0U, 0x1fffffU, 0x200000U, 0x2fffffU, 0x400000U, 0x6fffffU}) {
    EXPECT_EQ(out[at], byte_at(physical(0x40000000 + at))) << std::hex << at;
  }
}

TEST_P(AddressSpaceOf, LargePageWithAHole) {
  auto memory = std::make_shared<FakeMemory>(4096, GetParam());
  memory->add(0x400000, 0x480000).add(0x481000, 0x600000);
  auto table = std::make_shared<ListTable>(
      std::map<std::uint64_t, ListTable::Page>{{0x40000000, {0x400000, 0x200000}}});
  AddressSpace space(memory, machine64, table);
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(space.u64(0x40000008).value(), word_at(0x400008));
    EXPECT_EQ(space.u64(0x40081ff8).value(), word_at(0x481ff8));
    EXPECT_EQ(space.u64(0x40080ff8).error().code, ErrorCode::not_in_dump);
    EXPECT_EQ(space.u64(0x4007fffc).error().address, 0x40080000U);
    EXPECT_EQ(space.u64(0x401ffff8).value(), word_at(0x5ffff8));
    EXPECT_EQ(space.u64(0x40200000).error().code, ErrorCode::unmapped);
  }
  EXPECT_LE(table->walks, 3U);
}

TEST(AddressSpace, LargePagesWhoseViewsAreShort) {
  // A minidump's views end after 64 pages; small ones are not joined.
  for (const std::uint64_t unit : {0x40000ULL, 0x1000ULL}) {
    auto memory = std::make_shared<FakeMemory>(4096, true);
    // The second 2 MiB lie in two pieces that are not neighbours in this program's memory.
    memory->add(0x400000, 0x700000).add(0x700000, 0x900000);
    memory->view_unit = unit;
    auto table = std::make_shared<ListTable>(
        std::map<std::uint64_t, ListTable::Page>{{0x40000000, {0x400000, 0x400000}}});
    AddressSpace space(memory, machine64, table);
    for (std::uint64_t at = 0; at < 0x400000; at += 0x7f8) {
      ASSERT_EQ(space.u64(0x40000000 + at).value(), word_at(0x400000 + at)) << std::hex << at;
    }
    EXPECT_EQ(table->walks, 2U);
    auto out = buffer_of(0x400000);
    ASSERT_TRUE(space.read(0x40000000, out));
    EXPECT_TRUE(bytes_of(0x400000, out));
  }
}

TEST_P(AddressSpaceOf, PagesOfTheMachineAndOfTheDumpDiffer) {
  for (const std::uint32_t dump_page : {1024U, 4096U, 16384U, 65536U}) {
    for (const std::uint64_t page : {0x1000ULL, 0x4000ULL, 0x10000ULL}) {
      auto table = std::make_shared<ListTable>(std::map<std::uint64_t, ListTable::Page>{
          {0xffff000000000000, {0x210000, page}}, {0xffff000000000000 + page, {0x150000, page}}});
      AddressSpace space(memory_of(GetParam(), dump_page), machine64, table);
      for (int pass = 0; pass < 2; ++pass) {
        auto out = buffer_of(static_cast<std::size_t>(2 * page));
        ASSERT_TRUE(space.read(0xffff000000000000, out));
        EXPECT_TRUE(bytes_of(0x210000, Bytes(out).first(static_cast<std::size_t>(page))));
        EXPECT_TRUE(bytes_of(0x150000, Bytes(out).subspan(static_cast<std::size_t>(page))));
        EXPECT_EQ(space.u64(0xffff000000000000 + 2 * page).error().code, ErrorCode::unmapped);
      }
    }
  }
}

TEST_P(AddressSpaceOf, RulesWithOddOffsets) {
  // physical = virtual + 0x100123: no aligned block moves as a whole.
  AddressSpace space(memory_of(GetParam()), machine64,
                     linear_page_table({{0x1000, 0x2fff, 0x101123, "rule"}}, nullptr));
  auto out = buffer_of(0x2000);
  ASSERT_TRUE(space.read(0x1000, out));
  EXPECT_TRUE(bytes_of(0x101123, out));
  EXPECT_EQ(space.u32(0x2ffe).error().address, 0x3000U);
}

TEST_P(AddressSpaceOf, TheLastBytesOfTheAddressSpace) {
  auto table = std::make_shared<ListTable>(std::map<std::uint64_t, ListTable::Page>{
      {0, {0x180000, 0x1000}}, {0xfffffffffffff000, {0x200000, 0x1000}}});
  AddressSpace space(memory_of(GetParam()), machine64, table);
  EXPECT_EQ(space.u64(0xfffffffffffffff8).value(), word_at(0x200ff8));
  EXPECT_EQ(space.u8(0xffffffffffffffff).value(), static_cast<std::uint8_t>(byte_at(0x200fff)));
  auto out = buffer_of(8);
  auto done = space.read(0xfffffffffffffffc, out);
  ASSERT_FALSE(done) << "must not wrap to address 0";
  EXPECT_EQ(done.error().code, ErrorCode::unmapped);
  EXPECT_EQ(out, buffer_of(8));
  EXPECT_FALSE(space.u64(0xfffffffffffffffc));
  EXPECT_EQ(space.read_some(0xfffffffffffffffc, out), 4U);
  EXPECT_FALSE(space.string(0xfffffffffffffffc, 100));
  EXPECT_EQ(space.string(0xfffffffffffffffc, 4).value().size(), 4U);
}

TEST_P(AddressSpaceOf, ThirtyTwoBitAddressesEndAt4GiB) {
  auto table = std::make_shared<ListTable>(
      std::map<std::uint64_t, ListTable::Page>{{0, {0x180000, 0x1000}},
                                               {0xfffff000, {0x200000, 0x1000}},
                                               {0x100000000, {0x300000, 0x1000}}});
  AddressSpace space(memory_of(GetParam()), machine32, table);
  EXPECT_EQ(space.word(0xfffffffc).value(), word_at(0x200ff8) >> 32);
  EXPECT_FALSE(space.word(0xfffffffe));
  EXPECT_FALSE(space.u8(0x100000000));
  EXPECT_FALSE(space.translate(0x100000000));
  auto out = buffer_of(8);
  EXPECT_EQ(space.read_some(0xfffffffe, out), 2U);
  EXPECT_EQ(space.read_some(0x100000000, out), 0U);
}

TEST_P(AddressSpaceOf, Strings) {
  auto memory = memory_of(GetParam());
  memory->put_text(0x200ffd, std::string_view("ini", 3))
      .put_text(0x150000, std::string_view("t\0x", 3));
  memory->put_text(0x300ffc, "last");
  auto table = std::make_shared<ListTable>(std::map<std::uint64_t, ListTable::Page>{
      {0x10000, {0x200000, 0x1000}}, {0x11000, {0x150000, 0x1000}}, {0x12000, {0x300000, 0x1000}}});
  AddressSpace space(memory, machine64, table);
  EXPECT_EQ(space.string(0x10ffd, 100).value(), "init");
  EXPECT_EQ(space.string(0x10ffd, 4).value(), "init");
  EXPECT_EQ(space.string(0x10ffd, 2).value(), "in");
  EXPECT_EQ(space.string(0x10ffd, 0).value(), "");
  EXPECT_EQ(space.string(0x11001, 5).value(), "");
  EXPECT_EQ(space.string(0x12ffc, 100).error().address, 0x13000U);
  EXPECT_EQ(space.string(0x12ffc, 4).value(), "last");
}

TEST(AddressSpace, IntegersOfAnySize) {
  auto memory = memory_of(true);
  memory->put64(0x200000, 0x8877665544332211).put64(0x200008, 0xffffffff);
  auto table = std::make_shared<ListTable>(
      std::map<std::uint64_t, ListTable::Page>{{0x10000, {0x200000, 0x1000}}});
  AddressSpace space(memory, machine64, table);
  EXPECT_EQ(space.integer(0x10000, 1).value(), 0x11U);
  EXPECT_EQ(space.integer(0x10000, 2).value(), 0x2211U);
  EXPECT_EQ(space.integer(0x10000, 4).value(), 0x44332211U);
  EXPECT_EQ(space.integer(0x10000, 8).value(), 0x8877665544332211U);
  EXPECT_EQ(space.integer(0x10000, 3).error().code, ErrorCode::corrupt);
  EXPECT_EQ(space.i32(0x10008).value(), -1);
  EXPECT_EQ(space.word(0x10000).value(), 0x8877665544332211U);
  AddressSpace narrow(memory, machine32, table);
  EXPECT_EQ(narrow.word(0x10000).value(), 0x44332211U);
  Machine big = machine64;
  big.order = std::endian::big;
  AddressSpace swapped(memory, big, table);
  EXPECT_EQ(swapped.u32(0x10000).value(), 0x11223344U);
}

TEST(AddressSpace, EvictedPagesAreReadAgain) {
  // Where a page lay, another one lies now: what remembers the place must notice. Pages 2 MiB apart
  // share a set of the cache; odd steps leave what remembers the first page alone.
  auto memory = std::make_shared<FakeMemory>(4096, false);
  memory->add(0, 64 << 20);
  AddressSpace space(memory, machine64,
                     std::make_shared<ListTable>(
                         std::map<std::uint64_t, ListTable::Page>{{0x40000000, {0x3000, 0x1000}}}));
  for (int pass = 0; pass < 3; ++pass) {
    ASSERT_EQ(space.u64(0x40000008).value(), word_at(0x3008));
    ASSERT_EQ(space.physical().word(0x3010, 8).value(), word_at(0x3010));
    const unsigned before = memory->pages_read;
    for (std::uint64_t step = 1; step < 32; step += 2) {
      const std::uint64_t other = 0x3000 + (step << 21);
      ASSERT_EQ(space.physical().word(other, 8).value(), word_at(other));
    }
    ASSERT_GT(memory->pages_read, before);
  }
  for (const bool physical_first : {false, true}) {
    if (physical_first) {
      ASSERT_EQ(space.physical().word(0x3010, 8).value(), word_at(0x3010));
    }
    ASSERT_EQ(space.u64(0x40000008).value(), word_at(0x3008));
  }
}

}  // namespace
}  // namespace panicroom
