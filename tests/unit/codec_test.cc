// Whole pages, compressed by each codec's own library.
#include "core/io/codec.h"

#include <gtest/gtest.h>
#include <lzo/lzo1x.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace panicroom {
namespace {

using Buffer = std::vector<std::byte>;

constexpr std::array kCodecs{Codec::none, Codec::zlib, Codec::lzo, Codec::snappy, Codec::zstd};

Buffer page_of(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Buffer page(size);
  for (std::size_t i = 0; i < size; ++i)
    page[i] = i % 16 < seed % 16 ? static_cast<std::byte>(random()) : std::byte{0xff};
  return page;
}

Buffer compress(Codec codec, const Buffer& plain) {
  Buffer stored(plain.size() * 2 + 1024);
  std::size_t length = 0;
  switch (codec) {
    case Codec::none:
      return plain;
    case Codec::zlib: {
      uLongf room = stored.size();
      EXPECT_EQ(::compress(reinterpret_cast<Bytef*>(stored.data()), &room,
                           reinterpret_cast<const Bytef*>(plain.data()), plain.size()),
                Z_OK);
      length = room;
      break;
    }
    case Codec::lzo: {
      EXPECT_EQ(lzo_init(), LZO_E_OK);
      Buffer work(LZO1X_1_MEM_COMPRESS);
      lzo_uint room = stored.size();
      EXPECT_EQ(
          lzo1x_1_compress(reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                           reinterpret_cast<unsigned char*>(stored.data()), &room, work.data()),
          LZO_E_OK);
      length = room;
      break;
    }
    case Codec::snappy:
      snappy::RawCompress(reinterpret_cast<const char*>(plain.data()), plain.size(),
                          reinterpret_cast<char*>(stored.data()), &length);
      break;
    case Codec::zstd:
      length = ZSTD_compress(stored.data(), stored.size(), plain.data(), plain.size(), 1);
      break;
    case Codec::lzjb:
    case Codec::bzip2:
      ADD_FAILURE() << "lzjb_test.cc has lzjb, illumos_dump_test.cc the streams of bzip2";
      break;
  }
  stored.resize(length);
  return stored;
}

TEST(PageDecoder, GivesBackWhatEachLibraryCompressed) {
  PageDecoder decoder;
  for (const std::size_t size : {std::size_t{4096}, std::size_t{16384}, std::size_t{65536}}) {
    for (std::uint32_t seed = 0; seed < 16; ++seed) {
      const Buffer plain = page_of(size, seed);
      for (const Codec codec : kCodecs) {
        Buffer page(size, std::byte{'?'});
        const auto decoded = decoder.decode(codec, compress(codec, plain), page);
        ASSERT_TRUE(decoded) << decoded.error().text;
        EXPECT_EQ(page, plain) << name(codec);
      }
    }
  }
}

TEST(PageDecoder, AcceptsExactlyOnePage) {
  PageDecoder decoder;
  for (const Codec codec : kCodecs) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095},
                                   std::size_t{4097}, std::size_t{8192}}) {
      Buffer page(4096);
      const auto decoded = decoder.decode(codec, compress(codec, page_of(size, 3)), page);
      ASSERT_FALSE(decoded) << name(codec) << " " << size;
      EXPECT_EQ(decoded.error().code, ErrorCode::corrupt);
    }
    Buffer followed = compress(codec, page_of(4096, 3));
    followed.push_back(std::byte{0x55});
    Buffer page(4096);
    EXPECT_FALSE(decoder.decode(codec, followed, page)) << name(codec);
  }
}

TEST(PageDecoder, RefusesABombWithoutUnpackingIt) {
  PageDecoder decoder;
  const Buffer zeros(64 << 20);
  for (const Codec codec : {Codec::zlib, Codec::snappy, Codec::zstd}) {
    Buffer page(4096);
    EXPECT_FALSE(decoder.decode(codec, compress(codec, zeros), page)) << name(codec);
  }
}

TEST(PageDecoder, SurvivesDamageAndGoesOn) {
  PageDecoder decoder;
  std::mt19937 random(5);
  for (const Codec codec : kCodecs) {
    const Buffer plain = page_of(4096, 5);
    const Buffer stored = compress(codec, plain);
    int refused = 0;
    for (int round = 0; round < 500; ++round) {
      Buffer damaged = stored;
      if (round % 2 == 0)
        damaged.resize(random() % stored.size());
      else
        damaged[random() % damaged.size()] ^= static_cast<std::byte>(1U << random() % 8);
      Buffer page(4096);
      if (!decoder.decode(codec, damaged, page)) ++refused;
      if (round % 50 == 0) {
        ASSERT_TRUE(decoder.decode(codec, stored, page));
        ASSERT_EQ(page, plain) << name(codec);
      }
    }
    EXPECT_GE(refused, 250) << name(codec);
  }
  Buffer page(4096);
  for (const Codec codec : kCodecs) EXPECT_FALSE(decoder.decode(codec, {}, page)) << name(codec);
}

}  // namespace
}  // namespace panicroom
