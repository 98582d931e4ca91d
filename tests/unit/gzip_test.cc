#include "core/io/gzip.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/stream_image.h"

namespace panicroom {
namespace {

// So little that almost everything must be decoded again from a place of the index.
constexpr StreamLimits kTiny{std::uint64_t{256} << 10, std::uint64_t{128} << 10,
                             std::uint64_t{8} << 20};
constexpr StreamLimits kTinyIndex{std::uint64_t{256} << 10, std::uint64_t{128} << 10, 100000};

Result<Layer> open(const Buffer& stream, const StreamLimits& limits = kStreamLimits) {
  return open_gzip(memory_source("dump.gz", stream), limits, {});
}

TEST(Gzip, GivesBackWhatWasCompressed) {
  for (const std::size_t size : {1U, 32767U, 32768U, 32769U, 1000000U}) {
    const Buffer plain = memory_like(size, 1) + bytes_of("end");
    const auto layer = open(gzipped(plain));
    ASSERT_TRUE(layer) << layer.error().text;
    EXPECT_TRUE(layer->remarks.empty());
    EXPECT_EQ(contents(*layer->source), plain);
    expect_random_reads(*layer->source, plain, 50);
    expect_truncated(*layer->source, plain.size(), 1);
  }
}

TEST(Gzip, RestartsInTheMiddle) {
  const Buffer plain = memory_like(5 << 20, 2);
  for (const int level : {0, 6}) {
    const Buffer stream = gzipped(plain, level);
    for (const StreamLimits& limits : {kTiny, kTinyIndex}) {
      const auto layer = open(stream, limits);
      ASSERT_TRUE(layer) << layer.error().text;
      expect_random_reads(*layer->source, plain, 100);
      EXPECT_EQ(contents(*layer->source), plain);
    }
  }
}

TEST(Gzip, ReadsAllMembers) {
  Buffer plain;
  Buffer stream;
  for (std::uint32_t i = 0; i < 60; ++i) {
    const Buffer part = memory_like(100 + i * 5000, i);
    plain = plain + part;
    stream = stream + gzipped(part);
  }
  for (const StreamLimits& limits : {kStreamLimits, kTiny, kTinyIndex}) {
    const auto layer = open(stream, limits);
    ASSERT_TRUE(layer);
    EXPECT_TRUE(layer->remarks.empty());
    expect_random_reads(*layer->source, plain, 100);
  }
}

TEST(Gzip, OverlooksPaddingAndReportsOtherTrailers) {
  const Buffer plain = memory_like(100000, 3);
  const auto padded = open(gzipped(plain) + Buffer(512));
  ASSERT_TRUE(padded);
  EXPECT_TRUE(padded->remarks.empty());
  EXPECT_EQ(contents(*padded->source), plain);
  const auto followed = open(gzipped(plain) + bytes_of("garbage"));
  ASSERT_TRUE(followed);
  ASSERT_EQ(followed->remarks.size(), 1U);
  EXPECT_EQ(followed->remarks[0].code, ErrorCode::corrupt);
  EXPECT_EQ(contents(*followed->source), plain);
}

TEST(Gzip, TruncatedKeepsWhatCanBeDecoded) {
  const Buffer plain = memory_like(4 << 20, 4);
  const Buffer stream = gzipped(plain);
  for (const StreamLimits& limits : {kStreamLimits, kTiny}) {
    for (const std::size_t percent : {20U, 50U, 99U}) {
      Buffer cut = stream;
      cut.resize(stream.size() * percent / 100);
      expect_front(open(cut, limits), plain, ErrorCode::not_in_dump,
                   plain.size() * (percent - 15) / 100);
    }
  }
}

TEST(Gzip, DamagedKeepsWhatPrecedesTheDamage) {
  const Buffer plain = memory_like(4 << 20, 5);
  Buffer stream = gzipped(plain);
  const std::size_t middle = stream.size() / 2;
  for (std::size_t i = 0; i < 64; ++i) stream[middle + i] ^= static_cast<std::byte>(0x5a + i);
  for (const StreamLimits& limits : {kStreamLimits, kTiny})
    expect_front(open(stream, limits), plain, ErrorCode::corrupt, plain.size() / 3);
}

TEST(Gzip, ReportsAWrongChecksum) {
  const Buffer plain = memory_like(100000, 6);
  Buffer stream = gzipped(plain);
  stream[stream.size() - 6] ^= std::byte{1};
  const auto layer = open(stream);
  ASSERT_TRUE(layer);
  ASSERT_EQ(layer->remarks.size(), 1U);
  EXPECT_EQ(layer->remarks[0].code, ErrorCode::corrupt);
  EXPECT_EQ(contents(*layer->source), plain);
}

TEST(Gzip, RefusesWhatHoldsNothing) {
  const Buffer stream = gzipped(memory_like(1000, 7));
  for (const std::size_t size : {2U, 5U, 10U}) {
    const auto layer =
        open(Buffer(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_FALSE(layer);
    EXPECT_EQ(layer.error().code, ErrorCode::corrupt);
  }
  EXPECT_FALSE(open(gzipped({})));
}

#ifndef __EMSCRIPTEN__
TEST(Gzip, ServesSeveralThreads) {
  const Buffer plain = memory_like(6 << 20, 8);
  const auto layer = open(gzipped(plain), kTiny);
  ASSERT_TRUE(layer);
  std::thread other([&] { expect_random_reads(*layer->source, plain, 60); });
  expect_random_reads(*layer->source, plain, 60);
  other.join();
}
#endif

}  // namespace
}  // namespace panicroom
