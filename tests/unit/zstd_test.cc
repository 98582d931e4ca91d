#include "core/io/zstd.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "core/io/restart_index.h"
#include "tests/unit/stream_image.h"

namespace panicroom {
namespace {

// So little that almost everything must be decoded again from a place of the index.
constexpr StreamLimits kTiny{std::uint64_t{256} << 10, std::uint64_t{128} << 10,
                             std::uint64_t{32} << 20};
constexpr StreamLimits kTinyIndex{std::uint64_t{256} << 10, std::uint64_t{128} << 10, 400000};

Result<Layer> open(const Buffer& stream, const StreamLimits& limits = kStreamLimits) {
  return open_zstd(memory_source("dump.zst", stream), limits, {});
}

Buffer skippable(std::size_t size) {
  Buffer frame = bytes_of("\x5e\x2a\x4d\x18");
  for (int shift = 0; shift < 32; shift += 8)
    frame.push_back(static_cast<std::byte>(size >> shift));
  return frame + memory_like(size, 77);
}

TEST(Zstd, GivesBackWhatWasCompressed) {
  for (const std::size_t size : {1U, 32767U, 32768U, 32769U, 131072U, 1000000U}) {
    for (const bool know_size : {true, false}) {
      const Buffer plain = memory_like(size, 1) + bytes_of("end");
      const auto layer = open(zstd_compressed(plain, 0, know_size));
      ASSERT_TRUE(layer) << layer.error().text;
      EXPECT_TRUE(layer->remarks.empty());
      EXPECT_EQ(contents(*layer->source), plain);
      expect_random_reads(*layer->source, plain, 50);
      expect_truncated(*layer->source, plain.size(), 1);
    }
  }
}

TEST(Zstd, RestartsInTheMiddleOfAFrame) {
  const Buffer plain = memory_like(20 << 20, 2);
  for (const int window_log : {10, 21}) {
    const Buffer stream = zstd_compressed(plain, window_log, window_log == 10);
    for (const StreamLimits& limits : {kTiny, kTinyIndex}) {
      const auto layer = open(stream, limits);
      ASSERT_TRUE(layer) << layer.error().text;
      expect_random_reads(*layer->source, plain, 40);
    }
  }
}

/// No place to return to: what lies before the last read is decoded from the start on.
TEST(Zstd, EndsWhatWouldBeDecodedOverAndOver) {
  const Buffer plain = memory_like(17 << 20, 12);
  StreamLimits limits = kTiny;
  limits.index = 0;
  limits.most_redecoded = 0;
  const auto layer = open(zstd_compressed(plain, 22, false), limits);
  ASSERT_TRUE(layer) << layer.error().text;
  Buffer page(4096);
  std::optional<Error> refused;
  unsigned reads = 0;
  // The two of them do not stay decoded side by side.
  for (; reads < 1000 && !refused; ++reads)
    if (const auto read = layer->source->read((2 - reads % 2) << 23, page); !read)
      refused = read.error();
  ASSERT_TRUE(refused) << reads;
  EXPECT_EQ(refused->code, ErrorCode::unsupported);
  EXPECT_GT(reads, 64U);
}

/// Reads at two places in turn, which do not stay decoded side by side, until that is refused.
unsigned reads_until_refused(const Buffer& stream, std::uint64_t one, StreamLimits limits) {
  limits.other_blocks = 0;
  limits.most_redecoded = 0;
  const auto layer = open(stream, limits);
  EXPECT_TRUE(layer) << layer.error().text;
  Buffer page(4096);
  unsigned reads = 0;
  while (reads < 2000 && layer->source->read(one + (reads % 2 << 23), page)) ++reads;
  return reads;
}

TEST(Zstd, CountsTheWindowThatEachRestartBringsBack) {
  const Buffer stream = zstd_compressed(memory_like(18 << 20, 13), 22, false);
  EXPECT_LT(reads_until_refused(stream, 9U << 20, kTiny), 600U);
}

TEST(Zstd, CountsWhatDecodesToNothing) {
  const Buffer stream = zstd_compressed(memory_like(17U << 19, 14)) + skippable(32 << 20) +
                        zstd_compressed(memory_like(17U << 19, 15));
  EXPECT_LT(reads_until_refused(stream, 5U << 17, kTiny), 100U);
}

struct TextState {
  std::string text;
  std::uint64_t cost() const { return text.capacity(); }
};

TEST(RestartIndex, LeavesOutPlacesThatCostTooMuchAndAsksForThemLessAndLess) {
  RestartIndex<TextState> index;
  index.record(1, 10'000);
  EXPECT_EQ(index.room(), 5'000U);
  unsigned wanted = 0;
  for (std::uint64_t output = 0; output < 1'000'000; ++output)
    if (index.wants(output)) {
      ++wanted;
      index.leave_out(output);
    }
  EXPECT_LT(wanted, 25U);
  EXPECT_EQ(index.size(), 0U);
}

/// The window does not compress to the room that a place may take.
TEST(Zstd, ReadsWithoutPlacesWhereTheyWouldCostTooMuch) {
  const Buffer plain = memory_like(20 << 20, 16);
  StreamLimits limits = kTiny;
  limits.index = 1 << 20;
  const auto layer = open(zstd_compressed(plain, 23, false), limits);
  ASSERT_TRUE(layer) << layer.error().text;
  expect_random_reads(*layer->source, plain, 10);
}

TEST(Zstd, ReadsAllFramesAndSkipsSkippableOnes) {
  Buffer plain;
  Buffer stream = skippable(100);
  for (std::uint32_t i = 0; i < 60; ++i) {
    const Buffer part = memory_like(i * 5000, i);
    plain = plain + part;
    stream = stream + zstd_compressed(part, i % 3 == 0 ? 12 : 0, i % 2 == 0) + skippable(i);
  }
  for (const StreamLimits& limits : {kStreamLimits, kTiny, kTinyIndex}) {
    const auto layer = open(stream, limits);
    ASSERT_TRUE(layer);
    EXPECT_TRUE(layer->remarks.empty());
    expect_random_reads(*layer->source, plain, 100);
  }
}

TEST(Zstd, TruncatedKeepsEveryWholeBlock) {
  const Buffer plain = memory_like(4 << 20, 4);
  const Buffer stream = zstd_compressed(plain);
  for (const StreamLimits& limits : {kStreamLimits, kTiny}) {
    for (const std::size_t percent : {20U, 50U, 99U}) {
      Buffer cut = stream;
      cut.resize(stream.size() * percent / 100);
      expect_front(open(cut, limits), plain, ErrorCode::not_in_dump,
                   plain.size() * (percent - 15) / 100);
    }
  }
}

TEST(Zstd, DamagedKeepsWhatPrecedesTheDamage) {
  const Buffer plain = memory_like(4 << 20, 5);
  Buffer stream = zstd_compressed(plain);
  const std::size_t middle = stream.size() / 2;
  for (std::size_t i = 0; i < 300000; ++i) stream[middle + i] ^= static_cast<std::byte>(0x5a + i);
  for (const StreamLimits& limits : {kStreamLimits, kTiny})
    expect_front(open(stream, limits), plain, ErrorCode::corrupt, plain.size() / 3);
}

TEST(Zstd, ReportsAWrongChecksumAndTrailingBytes) {
  const Buffer plain = memory_like(100000, 6);
  const Buffer stream = zstd_compressed(plain);
  Buffer wrong = stream;
  wrong.back() ^= std::byte{1};
  for (const Buffer& odd : {wrong, stream + bytes_of("garbage, not a frame")}) {
    const auto layer = open(odd);
    ASSERT_TRUE(layer);
    ASSERT_EQ(layer->remarks.size(), 1U);
    EXPECT_EQ(layer->remarks[0].code, ErrorCode::corrupt);
    EXPECT_EQ(contents(*layer->source), plain);
  }
  const auto padded = open(stream + Buffer(512));
  ASSERT_TRUE(padded);
  EXPECT_TRUE(padded->remarks.empty());
}

TEST(Zstd, RefusesWhatItCannotDecode) {
  const Buffer stream = zstd_compressed(memory_like(1000, 7));
  for (const std::size_t size : {4U, 6U, 12U}) {
    const auto layer =
        open(Buffer(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_FALSE(layer);
    EXPECT_EQ(layer.error().code, ErrorCode::corrupt);
  }
  EXPECT_FALSE(open(zstd_compressed({})));
  EXPECT_FALSE(open(skippable(100)));

  // A frame header that asks for a window of 2 GiB (window descriptor 21 << 3), after RFC 8878.
  const auto window = open(bytes_of(std::string_view("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9)));
  ASSERT_FALSE(window);
  EXPECT_EQ(window.error().code, ErrorCode::unsupported);
  EXPECT_NE(window.error().text.find("--long"), std::string::npos);
  // One that needs dictionary 5.
  const auto dictionary =
      open(bytes_of(std::string_view("\x28\xb5\x2f\xfd\x01\x00\x05\x01\x00\x00", 10)));
  ASSERT_FALSE(dictionary);
  EXPECT_EQ(dictionary.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace panicroom
