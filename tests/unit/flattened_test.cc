#include "core/io/flattened.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tests/unit/stream_image.h"

namespace panicroom {
namespace {

using Records = std::vector<std::pair<std::uint64_t, Buffer>>;

Result<Layer> open(const Buffer& stream) {
  return open_flattened(memory_source("flat", stream), {});
}

/// What `makedumpfile -R` does: seek and write, record after record.
Buffer rebuilt(const Records& records) {
  Buffer out;
  for (const auto& [offset, bytes] : records) {
    const auto at = static_cast<std::size_t>(offset);
    if (bytes.empty()) continue;
    if (out.size() < at + bytes.size()) out.resize(at + bytes.size());
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return out;
}

TEST(Flattened, IsRecognisedByItsHeader) {
  EXPECT_TRUE(is_flattened(Bytes(flattened_header()).first(16)));
  EXPECT_FALSE(is_flattened(bytes_of("makedumpfile")));
  EXPECT_FALSE(is_flattened(bytes_of("makedumpfilexxxx")));
}

TEST(Flattened, RebuildsInAnyOrderWithZerosInHoles) {
  const Records records{
      {8192, memory_like(4096, 1)}, {0, memory_like(100, 2)}, {20000, memory_like(5, 3)}};
  const auto layer = open(flattened(records));
  ASSERT_TRUE(layer) << layer.error().text;
  EXPECT_TRUE(layer->remarks.empty());
  EXPECT_EQ(contents(*layer->source), rebuilt(records));
  expect_random_reads(*layer->source, rebuilt(records), 300);
  expect_truncated(*layer->source, 20004, 2);
}

TEST(Flattened, ZerosWithoutEndAreTheEnd) {
  Buffer stream = flattened_header();
  append_be64(stream, 0);
  append_be64(stream, 3);
  stream = stream + bytes_of("abc") + Buffer(1U << 20);
  const auto layer = open(stream);
  ASSERT_TRUE(layer) << layer.error().text;
  EXPECT_EQ(contents(*layer->source), bytes_of("abc"));
  ASSERT_EQ(layer->remarks.size(), 1U);
  EXPECT_EQ(layer->remarks[0].code, ErrorCode::corrupt);
}

TEST(Flattened, LastWriterWins) {
  // A header written first and once more at the end, as makedumpfile does.
  const Records records{{0, Buffer(4096, std::byte{1})},
                        {4096, Buffer(8192, std::byte{2})},
                        {0, Buffer(512, std::byte{3})},
                        {6000, Buffer(1, std::byte{4})}};
  const auto layer = open(flattened(records));
  ASSERT_TRUE(layer);
  EXPECT_EQ(contents(*layer->source), rebuilt(records));
}

TEST(Flattened, ResolvesAnyOverlap) {
  std::mt19937 random(4);
  for (int round = 0; round < 400; ++round) {
    Records records;
    for (auto count = 1 + random() % 12; count > 0; --count)
      records.emplace_back(random() % 60,
                           Buffer(random() % 40, static_cast<std::byte>(1 + random() % 255)));
    const Buffer expected = rebuilt(records);
    const auto layer = open(flattened(records));
    if (expected.empty()) {
      EXPECT_FALSE(layer);
      continue;
    }
    ASSERT_TRUE(layer) << round;
    ASSERT_EQ(contents(*layer->source), expected) << round;
  }
}

TEST(Flattened, ViewsWhatLiesInOneRecord) {
  const Buffer first = memory_like(5000, 5);
  const auto layer =
      open(flattened({{0, first}, {5000, Buffer(100, std::byte{7})}, {6000, first}}));
  ASSERT_TRUE(layer);
  const Bytes view = layer->source->view(1000, 4000);
  ASSERT_EQ(view.size(), 4000U);
  EXPECT_EQ(std::memcmp(view.data(), first.data() + 1000, 4000), 0);
  EXPECT_TRUE(layer->source->view(4999, 2).empty());
  EXPECT_TRUE(layer->source->view(5100, 10).empty());  // a hole
  EXPECT_TRUE(layer->source->view(10999, 2).empty());
}

TEST(Flattened, TruncatedOpensAndRefusesWhatItLost) {
  const Records records{
      {0, memory_like(4096, 6)}, {8192, memory_like(4096, 7)}, {4096, memory_like(4096, 8)}};
  const Buffer whole = flattened(records);
  const Buffer expected = rebuilt(records);
  // Within the last record, whose first 1000 bytes are left.
  Buffer cut = whole;
  cut.resize(4096 + 3 * 16 + 2 * 4096 + 1000);
  const auto layer = open(cut);
  ASSERT_TRUE(layer) << layer.error().text;
  ASSERT_EQ(layer->remarks.size(), 1U);
  EXPECT_EQ(layer->remarks[0].code, ErrorCode::not_in_dump);
  EXPECT_EQ(layer->source->size(), 12288U);
  Buffer out(1000);
  ASSERT_TRUE(layer->source->read(4096, out));
  EXPECT_EQ(std::memcmp(out.data(), expected.data() + 4096, 1000), 0);
  ASSERT_TRUE(layer->source->read(8192, out));
  expect_truncated(*layer->source, 5095, 2);
  expect_truncated(*layer->source, 4096, 1001);
  expect_truncated(*layer->source, 8191, 1);

  // Only the end mark is missing: all that was written is there.
  cut = whole;
  cut.resize(whole.size() - 16);
  const auto unmarked = open(cut);
  ASSERT_TRUE(unmarked);
  EXPECT_EQ(unmarked->remarks.size(), 1U);
  EXPECT_EQ(contents(*unmarked->source), expected);
}

TEST(Flattened, OpensTruncatedAtEveryByteOrSaysWhy) {
  const Buffer whole = flattened({{0, memory_like(40, 1)}, {100, memory_like(40, 2)}});
  for (std::size_t size = 16; size < whole.size(); ++size) {
    const auto layer =
        open(Buffer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(layer.has_value(), size > 4096 + 16) << size;
    if (layer) {
      EXPECT_EQ(layer->remarks.size(), 1U) << size;
    }
  }
}

/// Makedumpfile writes the dump's header last: the error is often all that is seen of the damage.
TEST(Flattened, WhatIsLostSaysByWhatDamage) {
  Buffer stream = flattened({{4096, memory_like(64, 1)}}, false);
  append_be64(stream, 0), append_be64(stream, 1ULL << 63);
  const auto damaged = open(stream);
  ASSERT_TRUE(damaged);
  Buffer out(16);
  auto read = damaged->source->read(0, out);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("0x1050 of the stream: the flattened dump is damaged"),
            std::string::npos)
      << read.error().text;
  stream.resize(stream.size() - 16);
  const auto cut = open(stream);
  ASSERT_TRUE(cut);
  read = cut->source->read(0, out);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("the flattened dump is truncated: the file ends before"),
            std::string::npos)
      << read.error().text;
}

TEST(Flattened, KeepsWhatPrecedesADamagedRecord) {
  for (const auto& [offset, size] : {std::pair<std::uint64_t, std::uint64_t>{1ULL << 63, 16},
                                     {0, 1ULL << 63},
                                     {1ULL << 62, 1ULL << 62},
                                     {100, std::numeric_limits<std::uint64_t>::max()}}) {
    Buffer stream = flattened({{0, memory_like(64, 1)}}, false);
    append_be64(stream, offset);
    append_be64(stream, size);
    const auto layer = open(stream + memory_like(64, 2));
    ASSERT_TRUE(layer) << layer.error().text;
    ASSERT_EQ(layer->remarks.size(), 1U);
    EXPECT_EQ(layer->remarks[0].code, ErrorCode::corrupt);
    EXPECT_EQ(layer->remarks[0].at, 4096U + 16 + 64);
    EXPECT_EQ(contents(*layer->source), memory_like(64, 1));
  }
}

TEST(Flattened, RefusesWhatItCannotRead) {
  Buffer newer = flattened({{0, memory_like(64, 1)}});
  newer[31] = std::byte{2};
  const auto version = open(newer);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ErrorCode::unsupported);
  const auto nothing = open(flattened({}));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::corrupt);
}

TEST(Flattened, HoldsOffsetsBeyond4GiB) {
  const Buffer far = memory_like(100, 9);
  const auto layer = open(flattened({{0, far}, {10ULL << 30, far}}));
  ASSERT_TRUE(layer);
  EXPECT_EQ(layer->source->size(), (10ULL << 30) + 100);
  Buffer out(100);
  ASSERT_TRUE(layer->source->read(10ULL << 30, out));
  EXPECT_EQ(out, far);
  ASSERT_TRUE(layer->source->read(5ULL << 30, out));
  EXPECT_EQ(out, Buffer(100));
}

/// A record far away claims a size; what no record wrote is known to be zero without reading it.
TEST(Flattened, SaysWhereItsBytesAre) {
  const Buffer some(100, std::byte{1});
  const auto layer = open(flattened({{50, some}, {1ULL << 50, some}}));
  ASSERT_TRUE(layer) << layer.error().text;
  const ByteSource& source = *layer->source;
  EXPECT_EQ(source.next_stored(0), 50U);
  EXPECT_EQ(source.next_stored(149), 149U);
  EXPECT_EQ(source.next_stored(150), 1ULL << 50);
  EXPECT_EQ(source.next_stored((1ULL << 50) + 100), source.size());
  // Where the end mark is missing, a gap is not known to be zero.
  const auto cut = open(flattened({{50, some}, {1ULL << 50, some}}, false));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->source->next_stored(0), 0U);
}

}  // namespace
}  // namespace panicroom
