#include "core/dump/page_bitmap.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/dump_image.h"

namespace panicroom {
namespace {

using testing::Image;
using testing::Sparse;
using testing::Unmapped;

/// Random bits in runs, as pages come.
std::vector<bool> runs_of_bits(std::uint64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<bool> bits;
  bool value = false;
  while (bits.size() < count) {
    const std::uint64_t length = 1 + random() % (random() % 4 == 0 ? 700 : 9);
    for (std::uint64_t i = 0; i < length && bits.size() < count; ++i) bits.push_back(value);
    value = !value;
  }
  return bits;
}

Image image_of(const std::vector<bool>& bits, std::uint64_t offset) {
  Image image;
  image.resize(offset + (bits.size() + 7) / 8);
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (bits[i]) image.set_bit(offset, i);
  return image;
}

void expect_equal(const RankedPageBits& ranked, const std::vector<bool>& bits) {
  ASSERT_EQ(ranked.bits().size(), bits.size());
  std::uint64_t set = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    ASSERT_EQ(ranked.test(i), bits[i]) << i;
    ASSERT_EQ(ranked.rank(i), set) << i;
    std::size_t end = i;
    while (end < bits.size() && bits[end] == bits[i]) ++end;
    ASSERT_EQ(ranked.bits().run_end(i, bits.size()), end) << i;
    if (bits[i]) ++set;
  }
  EXPECT_EQ(ranked.rank(bits.size()), set);
  EXPECT_EQ(ranked.count(), set);
}

class PageBitmapSizes : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PageBitmapSizes, EqualsCountingBitByBit) {
  const auto bits = runs_of_bits(GetParam(), static_cast<unsigned>(GetParam()));
  // Bits of a neighbour follow: they must not count.
  Image image = image_of(bits, 24);
  for (std::uint64_t bit = bits.size(); bit < bits.size() + 80; ++bit) image.set_bit(24, bit);
  const SourcePtr source = image.source();
  for (const SourcePtr& file : {source, SourcePtr(std::make_shared<Unmapped>(source))}) {
    auto read = PageBits::read(file, 24, bits.size());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->bits_in_file(), bits.size());
    expect_equal(RankedPageBits(std::move(*read)), bits);
  }
}

INSTANTIATE_TEST_SUITE_P(AroundWordsAndBlocks, PageBitmapSizes,
                         ::testing::Values(0, 1, 7, 8, 63, 64, 65, 511, 512, 513, 1024, 5000));

constexpr std::uint64_t bits_of_a_chunk = std::uint64_t{1} << PageBits::chunk_shift;

/// Chunks that are all clear, all set and mixed, each beside each, and a last one that is not
/// whole.
TEST(PageBitmap, ChunksOfEveryKind) {
  constexpr std::uint64_t size = 9 * bits_of_a_chunk + 12345;
  std::vector<bool> bits(size);
  const std::string kinds = "0101m0m110";
  std::mt19937 random(7);
  for (std::uint64_t bit = 0; bit < size; ++bit) {
    const char kind = kinds[static_cast<std::size_t>(bit / bits_of_a_chunk)];
    bits[bit] = kind == '1' || (kind == 'm' && random() % 3 == 0);
  }
  const SourcePtr source = image_of(bits, 8).source();
  for (const SourcePtr& file : {source, SourcePtr(std::make_shared<Unmapped>(source))}) {
    auto read = PageBits::read(file, 8, size);
    ASSERT_TRUE(read) << read.error().message();
    const RankedPageBits ranked(std::move(*read));
    std::uint64_t set = 0, run = 0;
    for (std::uint64_t bit = 0; bit < size; ++bit) {
      ASSERT_EQ(ranked.test(bit), bits[bit]) << bit;
      ASSERT_EQ(ranked.rank(bit), set) << bit;
      if (bit == run) {
        while (run < size && bits[run] == bits[bit]) ++run;
        ASSERT_EQ(ranked.bits().run_end(bit, size), run) << bit;
      }
      if (bits[bit]) ++set;
    }
    EXPECT_EQ(ranked.count(), set);
  }
}

/// The bitmap of 4 PiB, with a page at either end: nothing but those chunks may be read or kept.
TEST(PageBitmap, WhatNobodyWroteCostsNothing) {
  constexpr std::uint64_t size = std::uint64_t{1} << 40;
  const auto source = std::make_shared<Sparse>(size);
  source->put(64, {std::byte{0x03}}).put(64 + size / 8 - 1, {std::byte{0x80}});
  auto read = PageBits::read(source, 64, size);
  ASSERT_TRUE(read) << read.error().message();
  const RankedPageBits ranked(std::move(*read));
  EXPECT_EQ(ranked.count(), 3U);
  EXPECT_EQ(ranked.rank(size - 1), 2U);
  EXPECT_TRUE(ranked.test(size - 1));
  EXPECT_EQ(ranked.bits().run_end(2, size), size - 1);
  EXPECT_LT(source->bytes_read(), 1U << 20);
}

TEST(PageBitmap, CopiesNoMoreThanItMay) {
  constexpr std::uint64_t size = 4 * bits_of_a_chunk;
  std::vector<bool> bits(size);
  for (std::uint64_t bit = 0; bit < size; bit += 100) bits[bit] = true;
  const SourcePtr mapped = image_of(bits, 0).source();
  const SourcePtr unmapped = std::make_shared<Unmapped>(mapped);
  constexpr std::uint64_t three_chunks = 3 * bits_of_a_chunk / 8;
  EXPECT_TRUE(PageBits::read(mapped, 0, size, BitmapWords::bytes, three_chunks));
  EXPECT_TRUE(
      PageBits::read(unmapped, 0, size - bits_of_a_chunk, BitmapWords::bytes, three_chunks));
  EXPECT_EQ(PageBits::read(mapped, 0, size)->copied(), 0U);
  EXPECT_EQ(PageBits::read(unmapped, 0, size)->copied(), 4 * bits_of_a_chunk / 8);
  const auto refused = PageBits::read(unmapped, 0, size, BitmapWords::bytes, three_chunks);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
}

TEST(PageBitmap, AllSetFillsTheNineBitCounters) {
  const std::vector<bool> bits(1500, true);
  auto read = PageBits::read(image_of(bits, 0).source(), 0, bits.size());
  ASSERT_TRUE(read);
  expect_equal(RankedPageBits(std::move(*read)), bits);
}

TEST(PageBitmap, WhatTheFileLacksIsClearAndSaysSo) {
  const std::vector<bool> bits(800, true);
  const SourcePtr source = image_of(bits, 16).resize(16 + 50).source();
  auto read = PageBits::read(source, 16, bits.size());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), 800U);
  EXPECT_EQ(read->bits_in_file(), 400U);
  const RankedPageBits ranked(std::move(*read));
  EXPECT_TRUE(ranked.test(399));
  EXPECT_FALSE(ranked.test(400));
  EXPECT_EQ(ranked.count(), 400U);
  EXPECT_EQ(ranked.rank(700), 400U);
  EXPECT_EQ(ranked.bits().run_end(0, 800), 400U);
  EXPECT_EQ(ranked.bits().run_end(400, 800), 800U);
}

TEST(PageBitmap, BeyondTheFileCostsNothing) {
  auto read = PageBits::read(Image().put64(0, 1).source(), 1U << 20, std::uint64_t{1} << 60);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bits_in_file(), 0U);
  const RankedPageBits ranked(std::move(*read));
  EXPECT_EQ(ranked.bits().run_end(5, std::uint64_t{1} << 60), std::uint64_t{1} << 60);
  EXPECT_EQ(ranked.count(), 0U);
}

TEST(PageBitmap, BigEndianWordsAreSwapped) {
  // Bit 0 of a big-endian 64-bit word lies in its last byte, bit 63 in its first.
  Image image(std::endian::big);
  image.put64(0, 0x8000000000000001).put64(8, 0x0000000000000100);
  auto read = PageBits::read(image.source(), 0, 128, BitmapWords::big_endian_64);
  ASSERT_TRUE(read);
  std::vector<bool> expected(128, false);
  expected[0] = expected[63] = expected[64 + 8] = true;
  expect_equal(RankedPageBits(std::move(*read)), expected);
}

}  // namespace
}  // namespace panicroom
