// The lzjb decoder against the foundry's encoder, the format's own example, and hostile streams.
#include "core/io/lzjb.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/foundry/illumos_dump.h"
#include "tests/unit/dump_image.h"

namespace panicroom {
namespace {

using Buffer = std::vector<std::byte>;

Buffer bytes_of(std::string_view text) {
  const auto* at = reinterpret_cast<const std::byte*>(text.data());
  return {at, at + text.size()};
}
Buffer bytes_of(const foundry::Blob& blob) {
  const auto* at = reinterpret_cast<const std::byte*>(blob.data());
  return {at, at + blob.size()};
}

// Heap copies of exactly the right size, so that the sanitizer sees a byte too far.
Result<void> decode(const Buffer& stored, Buffer& out, std::size_t* produced = nullptr) {
  const Buffer exact(stored.begin(), stored.end());
  return decode_lzjb(exact, out, produced);
}

foundry::Blob kernel_like(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  foundry::Blob plain(size);
  for (std::size_t at = 0; at < size;) {
    const std::size_t run = std::min<std::size_t>(1 + random() % 300, size - at);
    const auto kind = random() % 4;
    const std::size_t back = 1 + random() % 1100;
    for (std::size_t i = 0; i < run; ++i)
      plain[at + i] = kind == 0   ? static_cast<std::uint8_t>(random())
                      : kind == 1 ? static_cast<std::uint8_t>("kmem_alloc_8192"[i % 15])
                      : kind == 2 && at + i >= back ? plain[at + i - back]
                                                    : std::uint8_t{0};
    at += run;
  }
  return plain;
}

// The comment at the head of compress.c gives this one.
TEST(Lzjb, TheFormatsOwnExample) {
  const Buffer plain = bytes_of("yadda yadda yadda, blah blah blah");
  Buffer out(plain.size());
  const auto done =
      decode(bytes_of(std::string_view("\x40yadda \x20\x06,\x20 blah\x1c\x05", 18)), out);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(out, plain);
}

TEST(Lzjb, DecodesWhatTheFoundryCompresses) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    const std::size_t sizes[] = {1, 2, 3, 16, 17, 100, 1023, 1025, 4096, 8192, 70000};
    const foundry::Blob plain = kernel_like(sizes[seed % std::size(sizes)], seed);
    const foundry::Blob stored = foundry::lzjb(plain);
    Buffer out(plain.size());
    const auto done = decode(bytes_of(stored), out);
    ASSERT_TRUE(done) << seed << ": " << done.error().message();
    EXPECT_EQ(out, bytes_of(plain)) << seed;
  }
}

TEST(Lzjb, DataOfItsOwnLengthIsStoredAsItIs) {
  // As a stream it would be a repetition of what is not there.
  Buffer out(5);
  ASSERT_TRUE(decode(bytes_of(std::string_view("\xff\xff\xff\xff\xff", 5)), out));
  EXPECT_EQ(out, bytes_of("\xff\xff\xff\xff\xff"));
}

TEST(Lzjb, WhatCannotBeIsCorruptAndSaysWhy) {
  struct Case {
    std::string stored;
    std::size_t room;
    std::string word;
    std::size_t produced;
  };
  const std::vector<Case> cases = {
      {std::string("\x02\x61\x00\x02", 4), 10, "before its start", 1},
      {std::string("\x01\x00\x01", 3), 10, "before its start", 0},
      {std::string("\x02\x61\x00\x00", 4), 10, "not there yet", 1},
      {std::string("\x02\x61\xfc\x01", 4), 10, "more than", 1},
      {std::string("\x02\x61\x00", 3), 10, "ends early", 1},
      {std::string("\x02\x61", 2), 10, "ends early", 1},
      {std::string("\x00", 1), 10, "ends early", 0},
      {"", 10, "ends early", 0},
      {std::string("\x00"
                   "abc",
                   4),
       2, "bytes follow", 2},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.word);
    Buffer out(one.room);
    std::size_t produced = 99;
    const auto done = decode(bytes_of(one.stored), out, &produced);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::corrupt);
    EXPECT_NE(done.error().text.find(one.word), std::string::npos) << done.error().text;
    EXPECT_EQ(produced, one.produced);
  }
}

TEST(Lzjb, AnyBytesAreDecodedOrRefused) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    Buffer stored(random() % 200);
    for (std::byte& byte : stored)
      byte = static_cast<std::byte>(random() % 5 == 0 ? 0xff : random());
    Buffer out(random() % 400);
    std::size_t produced = 0;
    const bool done = decode(stored, out, &produced).has_value();
    ASSERT_LE(produced, out.size());
    ASSERT_TRUE(!done || produced == out.size());
    ASSERT_LE(produced, std::max<std::uint64_t>(most_lzjb_output(stored.size()), stored.size()));
  }
}

TEST(LzjbSource, ReadsWhatComesBeforeTheDamage) {
  const foundry::Blob plain = kernel_like(20000, 3);
  Buffer stored = bytes_of(foundry::lzjb(plain));
  const Buffer expected = bytes_of(plain);
  const SourcePtr whole = lzjb_source(memory_source("file", stored), 0, stored.size(), 20000, "x");
  Buffer out(20000);
  ASSERT_TRUE(whole->read(0, out));
  EXPECT_EQ(out, expected);
  EXPECT_FALSE(whole->read(1, out));

  // The same file, of which the last quarter is another stream's.
  const SourcePtr cut =
      lzjb_source(memory_source("file", stored), 0, stored.size() / 4 * 3, 20000, "ksyms");
  Buffer start(5000);
  ASSERT_TRUE(cut->read(0, start));
  EXPECT_EQ(start, Buffer(expected.begin(), expected.begin() + 5000));
  const auto failed = cut->read(15000, start);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::corrupt);
  EXPECT_NE(failed.error().text.find("ksyms"), std::string::npos) << failed.error().text;
}

TEST(LzjbSource, ASizeThatNoStreamHasIsRefusedBeforeItCostsMemory) {
  const SourcePtr lie =
      lzjb_source(memory_source("file", Buffer(100)), 0, 100, 1ULL << 40, "ksyms");
  Buffer byte(1);
  const auto failed = lie->read(0, byte);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace panicroom
