// Decompression of kernel-like 4 KiB pages: ours against the codecs' usual libraries.
// PANICROOM_PAGES may name a file of raw memory whose pages are used instead.
#include <benchmark/benchmark.h>
#include <lzo/lzo1x.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <vector>

#include "core/io/codec.h"

namespace panicroom {
namespace {

using Buffer = std::vector<std::byte>;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 2000;

// Structures of pointers into one region, counters, names and padding: it shrinks to about a third.
Buffer kernel_like(std::mt19937& random) {
  Buffer page(kPage);
  const std::size_t structure = 32 + random() % 24 * 8;
  for (std::size_t at = 0; at + 8 <= kPage; at += 8) {
    const std::size_t field = at % structure / 8;
    std::uint64_t value = 0;
    switch (field * 7 % 5) {
      case 0:
        value = 0xffff888000000000 | (random() & 0x1ffffff8);
        break;
      case 1:
        value = random() % 64;
        break;
      case 2:
        value = 0xffffffff81000000 + field * 64;
        break;
      case 3:
        value = random() % 8 == 0 ? random() : 0;
        break;
      default:
        break;
    }
    std::memcpy(page.data() + at, &value, 8);
  }
  return page;
}

std::vector<Buffer> pages() {
  std::vector<Buffer> out;
  if (const char* path = std::getenv("PANICROOM_PAGES")) {
    std::ifstream file(path, std::ios::binary);
    Buffer page(kPage);
    while (out.size() < kPages && file.read(reinterpret_cast<char*>(page.data()), kPage))
      if (std::any_of(page.begin(), page.end(), [](std::byte b) { return b != std::byte{0}; }))
        out.push_back(page);
  }
  std::mt19937 random(1);
  while (out.size() < kPages) out.push_back(kernel_like(random));
  return out;
}

Buffer compress(Codec codec, const Buffer& plain) {
  Buffer stored(plain.size() * 2);
  std::size_t length = 0;
  if (codec == Codec::zlib) {
    uLongf room = stored.size();
    ::compress2(reinterpret_cast<Bytef*>(stored.data()), &room,
                reinterpret_cast<const Bytef*>(plain.data()), plain.size(), Z_BEST_SPEED);
    length = room;
  } else if (codec == Codec::lzo) {
    Buffer work(LZO1X_1_MEM_COMPRESS);
    lzo_uint room = stored.size();
    lzo1x_1_compress(reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                     reinterpret_cast<unsigned char*>(stored.data()), &room, work.data());
    length = room;
  } else if (codec == Codec::snappy) {
    snappy::RawCompress(reinterpret_cast<const char*>(plain.data()), plain.size(),
                        reinterpret_cast<char*>(stored.data()), &length);
  } else {
    length = ZSTD_compress(stored.data(), stored.size(), plain.data(), plain.size(), 1);
  }
  stored.resize(length);
  return stored;
}

std::vector<Buffer> stored_pages(Codec codec) {
  std::vector<Buffer> out;
  for (const Buffer& page : pages()) out.push_back(compress(codec, page));
  return out;
}

template <class Decode>
void run(benchmark::State& state, Codec codec, Decode decode) {
  const std::vector<Buffer> stored = stored_pages(codec);
  Buffer page(kPage);
  std::size_t at = 0;
  for (auto _ : state) {
    if (!decode(stored[at], page)) state.SkipWithError("a page was refused");
    at = at + 1 == stored.size() ? 0 : at + 1;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPage));
}

void ours(benchmark::State& state, Codec codec) {
  PageDecoder decoder;
  run(state, codec, [&](const Buffer& stored, Buffer& page) {
    return decoder.decode(codec, stored, page).has_value();
  });
}
void lzo2(benchmark::State& state) {
  run(state, Codec::lzo, [](const Buffer& stored, Buffer& page) {
    lzo_uint length = page.size();
    return lzo1x_decompress_safe(reinterpret_cast<const unsigned char*>(stored.data()),
                                 stored.size(), reinterpret_cast<unsigned char*>(page.data()),
                                 &length, nullptr) == LZO_E_OK;
  });
}
void zlib(benchmark::State& state) {
  run(state, Codec::zlib, [](const Buffer& stored, Buffer& page) {
    uLongf length = page.size();
    return ::uncompress(reinterpret_cast<Bytef*>(page.data()), &length,
                        reinterpret_cast<const Bytef*>(stored.data()), stored.size()) == Z_OK;
  });
}

}  // namespace

BENCHMARK_CAPTURE(ours, lzo, Codec::lzo);
BENCHMARK(lzo2);
BENCHMARK_CAPTURE(ours, zlib, Codec::zlib);
BENCHMARK(zlib);
BENCHMARK_CAPTURE(ours, snappy, Codec::snappy);
BENCHMARK_CAPTURE(ours, zstd, Codec::zstd);

}  // namespace panicroom

BENCHMARK_MAIN();
