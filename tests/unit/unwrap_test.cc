// Recognising and peeling off what lies around a dump.
#include "core/io/unwrap.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/stream_image.h"

namespace panicroom {
namespace {

TEST(Unwrap, LeavesAPlainFileAlone) {
  const Buffer plain = memory_like(10000, 1);
  const SourcePtr source = memory_source("vmcore", plain);
  const auto result = unwrap(source);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->source, source);
  EXPECT_TRUE(result->layers.empty());
  for (const std::size_t size : {0U, 1U, 15U}) {
    const auto tiny = unwrap(memory_source("tiny", Buffer(size, std::byte{'x'})));
    ASSERT_TRUE(tiny) << size;
    EXPECT_EQ(tiny->source->size(), size);
  }
}

TEST(Unwrap, PeelsLayersFromTheOutside) {
  const Buffer plain = memory_like(300000, 2);
  const auto result =
      unwrap(memory_source("vmcore.gz", gzipped(zstd_compressed(flattened({{0, plain}})))));
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->layers, (std::vector<std::string>{"gzip", "zstd", "flattened"}));
  EXPECT_TRUE(result->remarks.empty());
  EXPECT_EQ(result->source->name(), "vmcore.gz");
  EXPECT_EQ(contents(*result->source), plain);
}

TEST(Unwrap, RefusesAFlattenedDumpWithinAnother) {
  const Buffer inner = flattened({{0, memory_like(100, 4)}});
  const auto result = unwrap(memory_source("twice", flattened({{0, inner}})));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::unsupported);
}

TEST(Unwrap, ACompressionWithinAnotherGetsLessMemory) {
  const Buffer plain = memory_like(20U << 20, 5);
  const Buffer wide = zstd_compressed(plain, 24, false);
  EXPECT_TRUE(unwrap(memory_source("wide", wide)));
  const auto nested = unwrap(memory_source("nested", gzipped(wide)));
  ASSERT_FALSE(nested);
  EXPECT_NE(nested.error().text.find("window of 16 MiB"), std::string::npos) << nested.error().text;
}

TEST(Unwrap, StopsAfterFourLayers) {
  Buffer wrapped = memory_like(100, 3);
  for (int i = 0; i < 4; ++i) wrapped = gzipped(wrapped);
  const auto four = unwrap(memory_source("four", wrapped));
  ASSERT_TRUE(four) << four.error().text;
  EXPECT_EQ(contents(*four->source), memory_like(100, 3));
  const auto five = unwrap(memory_source("five", gzipped(wrapped)));
  ASSERT_FALSE(five);
  EXPECT_EQ(five.error().code, ErrorCode::unsupported);
}

TEST(Unwrap, NamesTheToolForOtherCompressions) {
  const std::array<std::pair<std::string_view, std::string_view>, 3> others{{
      {"BZh91AY&SY", "bunzip2"},
      {{"\xfd"
        "7zXZ\0\0",
        7},
       "xz -d"},
      {"\x1f\x9d\x90", "gzip -d"},
  }};
  for (const auto& [magic, tool] : others) {
    const auto result = unwrap(memory_source("dump", bytes_of(magic)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::unsupported);
    EXPECT_NE(result.error().text.find(tool), std::string::npos) << result.error().text;
  }
}

TEST(Unwrap, GathersTheRemarksOfEveryLayer) {
  const Buffer plain = memory_like(300000, 4);
  Buffer inner = flattened({{0, plain}});
  inner.resize(inner.size() - 1000);
  Buffer outer = gzipped(inner);
  outer.resize(outer.size() - 4);
  const auto result = unwrap(memory_source("cut", outer));
  ASSERT_TRUE(result) << result.error().text;
  ASSERT_EQ(result->remarks.size(), 2U);
  EXPECT_NE(result->remarks[0].text.find("gzip"), std::string::npos);
  EXPECT_NE(result->remarks[1].text.find("flattened"), std::string::npos);
}

TEST(Unwrap, CanBeStopped) {
  const SourcePtr source = memory_source("big", gzipped(memory_like(8 << 20, 5)));
  int calls = 0;
  const auto result = unwrap(source, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    EXPECT_EQ(total, source->size());
    return ++calls < 3;
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid);
  EXPECT_EQ(calls, 3);
}

/// A bomb within a bomb: 1 GiB of zeros in a gzip stream of 1 MiB in one of some KiB.
TEST(Unwrap, RefusesACompressionWithinOneThatGrowsWithoutMeasure) {
  const Buffer inner = gzipped(Buffer(std::size_t{300} << 20));
  const Buffer outer = gzipped(inner);
  ASSERT_LT(outer.size(), 10000U);
  // Alone it is what it is.
  const auto alone = unwrap(memory_source("inner", inner));
  ASSERT_TRUE(alone) << alone.error().text;
  EXPECT_EQ(alone->source->size(), std::uint64_t{300} << 20);
  const auto nested = unwrap(memory_source("outer", outer));
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().code, ErrorCode::unsupported);
  EXPECT_NE(nested.error().text.find("take the outer one off"), std::string::npos);
}

}  // namespace
}  // namespace panicroom
