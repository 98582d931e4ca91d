#include <gtest/gtest.h>

#include "core/memory/address_space.h"
#include "tests/unit/fake_memory.h"

namespace panicroom {
namespace {

using testing::bytes_of;
using testing::FakeMemory;
using testing::word_at;

std::vector<std::byte> buffer_of(std::size_t size) { return std::vector(size, std::byte{0xaa}); }

/// Mapped or not, with the dump's page size.
class PhysicalReaderOf : public ::testing::TestWithParam<std::tuple<std::uint32_t, bool>> {
 protected:
  std::shared_ptr<FakeMemory> memory() {
    return std::make_shared<FakeMemory>(std::get<0>(GetParam()), std::get<1>(GetParam()));
  }
};

TEST_P(PhysicalReaderOf, AnyAddressAndLength) {
  auto fake = memory();
  fake->add(0x40000, 0x100000);
  PhysicalReader reader(fake, std::endian::little);
  for (const std::uint64_t address : {0x40000ULL, 0x40ff9ULL, 0x4ffffULL, 0x5fff8ULL, 0x80001ULL}) {
    for (const std::size_t size : {1U, 7U, 8U, 4096U, 70000U}) {
      auto out = buffer_of(size);
      const auto done = reader.read(address, out);
      ASSERT_TRUE(done) << done.error().message();
      EXPECT_TRUE(bytes_of(address, out)) << std::hex << address << " " << size;
    }
  }
  EXPECT_EQ(reader.word(0x41000, 8).value(), word_at(0x41000));
  EXPECT_EQ(reader.word(0x41000, 4).value(), word_at(0x41000) & 0xffffffff);
  EXPECT_EQ(reader.word(0x40fff, 4).value(), word_at(0x40ff8) >> 56 | (word_at(0x41000) & 0xffffff)
                                                                          << 8);
}

TEST_P(PhysicalReaderOf, WholeOrNotAtAll) {
  auto fake = memory();
  fake->add(0x40000, 0x60000).add(0x80000, 0x90000);
  PhysicalReader reader(fake, std::endian::little);
  auto out = buffer_of(0x3000);
  const auto done = reader.read(0x5e800, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(done.error().absence, Absence::hole);
  EXPECT_EQ(done.error().address, 0x60000U);
  EXPECT_EQ(out, buffer_of(0x3000));
  EXPECT_EQ(reader.read(0x7fffc, MutableBytes(out).first(8)).error().address, 0x7fffcU);
  EXPECT_EQ(reader.word(0x7fffc, 8).error().address, 0x7fffcU);
  EXPECT_EQ(reader.read(0x12345678, out).error().address, 0x12345678U);
  EXPECT_FALSE(reader.read(~0ULL - 3, out));
  EXPECT_TRUE(reader.read(~0ULL, MutableBytes()));
}

TEST_P(PhysicalReaderOf, BytesReachTheEndOfThePage) {
  auto fake = memory();
  fake->add(0x40000, 0x60000);
  PhysicalReader reader(fake, std::endian::little);
  const auto page = std::uint64_t{std::get<0>(GetParam())};
  const auto bytes = reader.bytes(0x40123);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), page - 0x123);
  EXPECT_TRUE(bytes_of(0x40123, *bytes));
  EXPECT_EQ(reader.bytes(0x60000).error().address, 0x60000U);
}

INSTANTIATE_TEST_SUITE_P(Sizes, PhysicalReaderOf,
                         ::testing::Combine(::testing::Values(512U, 4096U, 16384U, 65536U),
                                            ::testing::Bool()));

TEST(PhysicalReader, SegmentsThatBeginAndEndWithinAUnit) {
  // Firmware's odd ends: 0x9fc00, in dump pages of 1 KiB.
  for (const bool mapped : {true, false}) {
    auto fake = std::make_shared<FakeMemory>(1024, mapped);
    fake->add(0x90000, 0x9fc00).add(0xa0400, 0xb0000);
    PhysicalReader reader(fake, std::endian::little);
    auto out = buffer_of(8);
    for (const std::uint64_t address : {0x9f000ULL, 0x9fbf8ULL, 0xa0400ULL, 0xa0ffcULL}) {
      ASSERT_TRUE(reader.read(address, out)) << std::hex << address;
      EXPECT_TRUE(bytes_of(address, out));
    }
    EXPECT_EQ(reader.read(0x9fbfc, out).error().address, 0x9fc00U);
    EXPECT_EQ(reader.read(0xa03f8, out).error().address, 0xa03f8U);
  }
}

TEST(PhysicalReader, CachesPagesAndForgetsTheOldest) {
  auto fake = std::make_shared<FakeMemory>(4096, false);
  fake->add(0, 32 << 20);
  PhysicalReader reader(fake, std::endian::little);
  for (int pass = 0; pass < 2; ++pass) {
    for (std::uint64_t at = 0; at < 0x100000; at += 8) {
      ASSERT_EQ(reader.word(at, 8).value(), word_at(at));
    }
  }
  EXPECT_EQ(fake->pages_read, 0x100U);
  // Far more than the cache holds: every answer must be of the page asked for.
  for (int pass = 0; pass < 2; ++pass) {
    for (std::uint64_t at = 0; at < 32 << 20; at += 4096) {
      ASSERT_EQ(reader.word(at, 8).value(), word_at(at));
      ASSERT_EQ(reader.word(0x8, 8).value(), word_at(0x8));
    }
  }
}

TEST(PhysicalReader, CorruptPageLeavesNothingBehind) {
  auto fake = std::make_shared<FakeMemory>(4096, false);
  fake->add(0, 32 << 20);
  // Pages 8 MiB apart share their place in the cache.
  fake->corrupt_page = 0x801000;
  PhysicalReader reader(fake, std::endian::little);
  for (int pass = 0; pass < 8; ++pass) {
    for (const std::uint64_t at :
         {0x1000ULL, 0x801000ULL, 0x1001000ULL, 0x1801000ULL, 0x200000ULL}) {
      const auto word = reader.word(at, 8);
      if (at == fake->corrupt_page) {
        EXPECT_EQ(word.error().code, ErrorCode::corrupt);
      } else {
        EXPECT_EQ(word.value(), word_at(at));
      }
    }
  }
}

TEST(PhysicalReader, FewLargePagesDoNotPushOutEachOther) {
  auto fake = std::make_shared<FakeMemory>(262144, false);
  const std::uint64_t stride = 8 * 262144;  // the cache's size over four
  for (std::uint64_t page = 0; page < 8; ++page) fake->add(page * stride, page * stride + 262144);
  PhysicalReader reader(fake, std::endian::little);
  for (int pass = 0; pass < 10; ++pass)
    for (std::uint64_t page = 0; page < 8; ++page) {
      const std::uint64_t at = page * stride + static_cast<std::uint64_t>(pass) * 4096;
      ASSERT_EQ(reader.word(at, 8).value(), word_at(at));
    }
  EXPECT_EQ(fake->pages_read, 8U);
}

TEST(PhysicalReader, DecodesADamagedPageOnce) {
  auto fake = std::make_shared<FakeMemory>(4096, false);
  fake->add(0, 1 << 20);
  fake->corrupt_page = 0x5000;
  PhysicalReader reader(fake, std::endian::little);
  for (std::uint64_t at = 0x5000; at < 0x6000; at += 8) {
    const auto word = reader.word(at, 8);
    ASSERT_FALSE(word);
    EXPECT_EQ(word.error().address, at);
  }
  EXPECT_EQ(fake->pages_read, 1U);
}

TEST(PhysicalReader, TheFirstBytesOfThePageInWhichTheFileEnds) {
  auto fake = std::make_shared<FakeMemory>(4096, false);
  fake->add(0x1000, 0x3000);
  fake->cut_page = 0x2000;
  fake->cut_length = 100;
  PhysicalReader reader(fake, std::endian::little);
  auto out = buffer_of(8);
  for (const std::uint64_t address : {0x1ffcULL, 0x2000ULL, 0x2000ULL + 92}) {
    ASSERT_TRUE(reader.read(address, out)) << std::hex << address;
    EXPECT_TRUE(bytes_of(address, out));
  }
  const auto past = reader.read(0x2000 + 96, out);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().absence, Absence::truncated);
  EXPECT_EQ(past.error().address, 0x2000U + 100);

  auto some = buffer_of(0x1000);
  Error why;
  ASSERT_EQ(reader.read_some(0x1ff0, some, &why), 16U + 100);
  EXPECT_TRUE(bytes_of(0x1ff0, Bytes(some).first(16 + 100)));
  EXPECT_EQ(why.absence, Absence::truncated);
  EXPECT_EQ(why.address, 0x2000U + 100);
  EXPECT_EQ(reader.read_some(~std::uint64_t{0} - 3, some, &why), 0U);
}

TEST(PhysicalReader, BigEndianWords) {
  auto fake = std::make_shared<FakeMemory>(4096, true);
  fake->add(0, 4096).put64(0, 0x0807060504030201);
  PhysicalReader reader(fake, std::endian::big);
  EXPECT_EQ(reader.word(0, 8).value(), 0x0102030405060708U);
  EXPECT_EQ(reader.word(0, 4).value(), 0x01020304U);
}

}  // namespace
}  // namespace panicroom
