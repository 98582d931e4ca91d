#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <stdexcept>

#include "tests/foundry/containers.h"

namespace foundry {

// makedumpfile README and makedumpfile.h: a header of 4096 bytes, then big-endian (offset, size)
// records.
Blob flattened(const Blob& plain, std::size_t chunk) {
  Blob out;
  append(out, "makedumpfile");
  out.resize(16);
  append(out, 1, 8, true), append(out, 1, 8, true);
  out.resize(4096);
  const auto record = [&](std::size_t at, const Blob& bytes) {
    append(out, at, 8, true), append(out, bytes.size(), 8, true);
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  const auto part = [&](std::size_t at) {
    const auto begin = plain.begin() + static_cast<std::ptrdiff_t>(at);
    return Blob(begin, begin + static_cast<std::ptrdiff_t>(std::min(chunk, plain.size() - at)));
  };
  // The headers go first as rubbish and last as they are: the last record wins.
  Blob rubbish = part(0);
  for (auto& byte : rubbish) byte = static_cast<std::uint8_t>(~byte);
  record(0, rubbish);
  for (std::size_t at = chunk; at < plain.size(); at += chunk) record(at, part(at));
  record(0, part(0));
  append(out, ~0ULL, 8, true), append(out, ~0ULL, 8, true);
  return out;
}

Blob gzipped(const Blob& plain) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib");
  Blob out(deflateBound(&stream, plain.size()));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib");
  return out;
}

Blob zstd_compressed(const Blob& plain) {
  Blob out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1));
  return out;
}

}  // namespace foundry
