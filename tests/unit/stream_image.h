// Wrapped files for the tests of core/io, made by each format's own library.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/byte_source.h"
#include "core/io/layer.h"

namespace panicroom {

using Buffer = std::vector<std::byte>;

inline Buffer bytes_of(std::string_view text) {
  Buffer bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

inline Buffer operator+(Buffer a, const Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Bytes that compress to about a quarter, with stretches of zeros.
inline Buffer memory_like(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Buffer bytes(size);
  for (std::size_t page = 0; page < size; page += 4096) {
    if (random() % 3 == 0) continue;
    for (std::size_t i = page; i < std::min(size, page + 4096); ++i)
      bytes[i] =
          i % 16 < 4 ? static_cast<std::byte>(random() >> 9) : static_cast<std::byte>(i >> 12);
  }
  return bytes;
}

inline Buffer gzipped(const Buffer& plain, int level = 6) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Buffer out(deflateBound(&stream, plain.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline Buffer zstd_compressed(const Buffer& plain, int window_log = 0, bool know_size = true) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, know_size ? 1 : 0);
  if (window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  Buffer out(ZSTD_compressBound(plain.size()));
  const std::size_t length =
      ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size());
  EXPECT_EQ(ZSTD_isError(length), 0U);
  ZSTD_freeCCtx(context);
  out.resize(length);
  return out;
}

inline void append_be64(Buffer& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>(value >> shift));
}

/// makedumpfile's flattened form: a header of 4096 bytes, then records { offset, size, bytes }.
inline Buffer flattened_header() {
  Buffer out = bytes_of(std::string_view("makedumpfile\0\0\0\0", 16));
  append_be64(out, 1);
  append_be64(out, 1);
  out.resize(4096);
  return out;
}
inline Buffer flattened(const std::vector<std::pair<std::uint64_t, Buffer>>& records,
                        bool end = true) {
  Buffer out = flattened_header();
  for (const auto& [offset, bytes] : records) {
    append_be64(out, offset);
    append_be64(out, bytes.size());
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  if (end) {
    append_be64(out, ~std::uint64_t{0});
    append_be64(out, ~std::uint64_t{0});
  }
  return out;
}

inline Buffer contents(const ByteSource& source) {
  Buffer out(static_cast<std::size_t>(source.size()));
  const auto read = source.read(0, out);
  EXPECT_TRUE(read) << read.error().text;
  return out;
}

/// Reads at random offsets and of random lengths what `plain` says is there.
inline void expect_random_reads(const ByteSource& source, const Buffer& plain, int count) {
  std::mt19937 random(99);
  ASSERT_EQ(source.size(), plain.size());
  for (int i = 0; i < count; ++i) {
    const std::size_t offset = random() % plain.size();
    const std::size_t length = std::min<std::size_t>(1 + random() % 100000, plain.size() - offset);
    Buffer out(length);
    const auto read = source.read(offset, out);
    ASSERT_TRUE(read) << read.error().text;
    ASSERT_EQ(std::memcmp(out.data(), plain.data() + offset, length), 0) << offset << " " << length;
  }
}

inline void expect_truncated(const ByteSource& source, std::uint64_t offset, std::size_t length) {
  Buffer out(length);
  const auto read = source.read(offset, out);
  ASSERT_FALSE(read) << offset;
  EXPECT_EQ(read.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(read.error().absence, Absence::truncated);
}

/// Of a stream that is cut off or damaged: the front of what was compressed, more than `least`
/// bytes of it, with one remark. What a damaged stream gives behind that is the same each time.
inline void expect_front(const Result<Layer>& layer, const Buffer& plain, ErrorCode remark,
                         std::uint64_t least) {
  ASSERT_TRUE(layer) << layer.error().text;
  ASSERT_EQ(layer->remarks.size(), 1U);
  EXPECT_EQ(layer->remarks[0].code, remark);
  const Buffer all = contents(*layer->source);
  ASSERT_GT(all.size(), least);
  const bool cut = remark == ErrorCode::not_in_dump;
  const std::size_t right = cut ? all.size() : static_cast<std::size_t>(least);
  ASSERT_LE(right, plain.size());
  EXPECT_EQ(std::memcmp(all.data(), plain.data(), right), 0);
  expect_random_reads(*layer->source, all, 40);
  if (!cut) return;
  EXPECT_LT(all.size(), plain.size());
  expect_truncated(*layer->source, all.size(), 1);
}

}  // namespace panicroom
