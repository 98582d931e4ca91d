// The LZO1X decoder against liblzo2, which made the format.
#include "core/io/lzo.h"

#include <gtest/gtest.h>
#include <lzo/lzo1x.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace panicroom {
namespace {

using Buffer = std::vector<std::byte>;

const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

Buffer compress(const Buffer& plain, bool best) {
  EXPECT_EQ(lzo_init(), LZO_E_OK);
  Buffer stored(plain.size() + plain.size() / 16 + 64 + 3);
  Buffer work(best ? std::size_t{LZO1X_999_MEM_COMPRESS} : std::size_t{LZO1X_1_MEM_COMPRESS});
  lzo_uint length = stored.size();
  const auto compressor = best ? lzo1x_999_compress : lzo1x_1_compress;
  EXPECT_EQ(compressor(raw(plain.data()), plain.size(), raw(stored.data()), &length, work.data()),
            LZO_E_OK);
  stored.resize(length);
  return stored;
}

// Heap copies of exactly the right size, so that the sanitizer sees a byte too far.
bool decodes(Bytes stored, Buffer& out) {
  const Buffer exact(stored.begin(), stored.end());
  return decode_lzo1x(exact, out).has_value();
}
bool peer_decodes(Bytes stored, Buffer& out) {
  lzo_uint length = out.size();
  return lzo1x_decompress_safe(raw(stored.data()), stored.size(), raw(out.data()), &length,
                               nullptr) == LZO_E_OK &&
         length == out.size();
}

// Memory as kernels leave it: pointers, small integers, text, zero runs and noise.
Buffer kernel_like(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Buffer plain(size);
  std::size_t at = 0;
  while (at < size) {
    const std::size_t run = std::min<std::size_t>(1 + random() % 200, size - at);
    const auto kind = random() % 6;
    const std::size_t period = 1 + random() % 24;
    const std::size_t back = at == 0 ? 0 : 1 + random() % at;
    for (std::size_t i = 0; i < run; ++i) {
      std::byte value{0};
      if (kind == 1)
        value = static_cast<std::byte>(random());
      else if (kind == 2)
        value = static_cast<std::byte>("kworker/u4:2-events_unbound"[i % 27]);
      else if (kind == 3)
        value = plain[at + i >= period ? at + i - period : 0];
      else if (kind == 4)
        value = i % 8 < 3 ? static_cast<std::byte>(random()) : std::byte{0xff};
      else if (kind == 5)
        value = plain[at + i - back];
      plain[at + i] = value;
    }
    at += run;
  }
  return plain;
}

TEST(Lzo, RoundTripsWhatThePeerCompresses) {
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    constexpr std::array<std::size_t, 8> kSizes{1, 2, 3, 17, 100, 4096, 16384, 65536};
    const Buffer plain = kernel_like(kSizes[seed % 8] + seed % 3, seed);
    const Buffer stored = compress(plain, seed % 5 == 0);
    Buffer out(plain.size());
    ASSERT_TRUE(decodes(stored, out)) << "seed " << seed;
    ASSERT_EQ(out, plain) << "seed " << seed;
  }
}

TEST(Lzo, RoundTripsEveryPeriodAndRunLength) {
  for (std::size_t period = 1; period <= 40; ++period) {
    for (std::size_t length = period; length < 700; length += 1 + length / 9) {
      Buffer plain(length + 80, std::byte{0});
      for (std::size_t i = 0; i < length; ++i)
        plain[i] = static_cast<std::byte>(i % period * 37 + 1);
      const Buffer stored = compress(plain, false);
      Buffer out(plain.size());
      ASSERT_TRUE(decodes(stored, out));
      ASSERT_EQ(out, plain) << period << " x " << length;
    }
  }
}

TEST(Lzo, CopiesFromEveryDistanceOfALargeBlock) {
  // Noise repeated from 100 bytes to 48 KiB back: all four kinds of copies and their borders.
  for (const std::size_t back :
       {std::size_t{1024}, std::size_t{1025}, std::size_t{2048}, std::size_t{2049},
        std::size_t{3072}, std::size_t{3073}, std::size_t{16384}, std::size_t{16385},
        std::size_t{32768}, std::size_t{49151}}) {
    std::mt19937 random(static_cast<std::uint32_t>(back));
    Buffer plain(back + 600);
    for (std::size_t i = 0; i < plain.size(); ++i)
      plain[i] = i < back || i % 40 < 4 ? static_cast<std::byte>(random()) : plain[i - back];
    for (const bool best : {false, true}) {
      const Buffer stored = compress(plain, best);
      Buffer out(plain.size());
      ASSERT_TRUE(decodes(stored, out)) << back;
      ASSERT_EQ(out, plain) << back;
    }
  }
}

Buffer bytes(std::initializer_list<int> values) {
  Buffer out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

// Streams written by hand after Linux's Documentation/staging/lzo.rst.
TEST(Lzo, FollowsTheDescription) {
  Buffer none;
  EXPECT_TRUE(decodes(bytes({0x11, 0, 0}), none));  // the end alone

  // The end's length means nothing, even when it is spelt at length.
  EXPECT_TRUE(decodes(bytes({0x10, 0, 0x13, 0, 0}), none));

  Buffer five(5);
  EXPECT_TRUE(decodes(bytes({17 + 5, 'h', 'e', 'l', 'l', 'o', 0x11, 0, 0}), five));
  EXPECT_EQ(five, bytes({'h', 'e', 'l', 'l', 'o'}));

  // A long run: 0, then 15 + one zero byte (255) + 7, + 3 = 280 literals.
  Buffer run = bytes({0, 0, 7});
  run.insert(run.end(), 280, std::byte{'x'});
  for (const int end : {0x11, 0, 0}) run.push_back(static_cast<std::byte>(end));
  Buffer long_run(280);
  EXPECT_TRUE(decodes(run, long_run));
  EXPECT_EQ(long_run, Buffer(280, std::byte{'x'}));

  // Two literals (state 2), then 2 bytes from distance (0 << 2) + 1 + 1 = 2 and one literal more.
  Buffer short_copy(5);
  EXPECT_TRUE(decodes(bytes({17 + 2, 'a', 'b', 0x05, 0, 'c', 0x11, 0, 0}), short_copy));
  EXPECT_EQ(short_copy, bytes({'a', 'b', 'a', 'b', 'c'}));
}

TEST(Lzo, RefusesWhatContradictsTheFormat) {
  Buffer out(5);
  EXPECT_FALSE(decodes({}, out));
  EXPECT_FALSE(decodes(bytes({0x11, 0, 0}), out)) << "shorter than the page";
  EXPECT_FALSE(decodes(bytes({17 + 6, 1, 2, 3, 4, 5, 6, 0x11, 0, 0}), out)) << "longer";
  EXPECT_FALSE(decodes(bytes({17 + 5, 1, 2, 3, 4, 5}), out)) << "no end";
  EXPECT_FALSE(decodes(bytes({17 + 5, 1, 2, 3, 4, 5, 0x11, 0}), out)) << "half an end";
  EXPECT_FALSE(decodes(bytes({17 + 5, 1, 2, 3, 4, 5, 0x11, 0, 0, 0}), out)) << "a byte too many";
  EXPECT_FALSE(decodes(bytes({17 + 3, 1, 2, 3, 0x0c, 0, 0x11, 0, 0}), out)) << "before the start";
  EXPECT_FALSE(decodes(bytes({16, 0, 0, 0, 0, 0}), out)) << "a copy from nothing";
  // A bomb: 64 KiB of zero bytes claim a run of 16 MB.
  Buffer bomb(65536, std::byte{0});
  EXPECT_FALSE(decodes(bomb, out));
}

TEST(Lzo, AgreesWithThePeerOnDamagedStreams) {
  std::mt19937 random(7);
  int refused = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Buffer plain = kernel_like(4096, seed);
    const Buffer stored = compress(plain, false);
    for (int change = 0; change < 60; ++change) {
      Buffer damaged = stored;
      if (change % 3 == 0) {
        damaged.resize(random() % stored.size());
      } else {
        for (int flips = change % 3; flips > 0; --flips)
          damaged[random() % damaged.size()] ^= static_cast<std::byte>(1U << random() % 8);
      }
      Buffer ours(4096);
      Buffer theirs(4096);
      const bool here = decodes(damaged, ours);
      ASSERT_EQ(here, peer_decodes(damaged, theirs)) << "seed " << seed << " change " << change;
      if (here) {
        ASSERT_EQ(ours, theirs) << "seed " << seed << " change " << change;
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 6000);
}

TEST(Lzo, SurvivesNoise) {
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    Buffer noise(1 + random() % 300);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random() >> 7);
    Buffer ours(random() % 500);
    Buffer theirs(ours.size());
    ASSERT_EQ(decodes(noise, ours), peer_decodes(noise, theirs)) << "round " << round;
  }
}

}  // namespace
}  // namespace panicroom
