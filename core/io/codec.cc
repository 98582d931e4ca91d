#include "core/io/codec.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <snappy.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <cstring>
#include <new>

#include "core/io/lzjb.h"
#include "core/io/lzo.h"

namespace panicroom {
namespace {

Failure damaged(Codec codec, std::size_t stored, std::string_view why) {
  return fail(ErrorCode::corrupt, fmt::format("the {} page of {} stored bytes is damaged: {}",
                                              name(codec), stored, why));
}
Failure wrong_size(Codec codec, Bytes stored, std::uint64_t holds, MutableBytes page) {
  return damaged(codec, stored.size(),
                 fmt::format("it holds {} bytes, not {}", holds, page.size()));
}

Result<void> decode_zlib(libdeflate_decompressor* decompressor, Bytes stored, MutableBytes page) {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  switch (libdeflate_zlib_decompress_ex(decompressor, stored.data(), stored.size(), page.data(),
                                        page.size(), &consumed, &produced)) {
    case LIBDEFLATE_SUCCESS:
      break;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
      return damaged(Codec::zlib, stored.size(),
                     fmt::format("it holds more than {} bytes", page.size()));
    default:
      return damaged(Codec::zlib, stored.size(), "its stream or its checksum is wrong");
  }
  if (produced != page.size()) return wrong_size(Codec::zlib, stored, produced, page);
  if (consumed != stored.size()) return damaged(Codec::zlib, stored.size(), "bytes follow its end");
  return {};
}

Result<void> decode_zstd(ZSTD_DCtx* context, Bytes stored, MutableBytes page) {
  const std::size_t produced =
      ZSTD_decompressDCtx(context, page.data(), page.size(), stored.data(), stored.size());
  if (ZSTD_isError(produced) != 0)
    return damaged(Codec::zstd, stored.size(), ZSTD_getErrorName(produced));
  if (produced != page.size()) return wrong_size(Codec::zstd, stored, produced, page);
  return {};
}

Result<void> decode_snappy(Bytes stored, MutableBytes page) {
  const auto* const text = reinterpret_cast<const char*>(stored.data());
  std::size_t holds = 0;
  if (!snappy::GetUncompressedLength(text, stored.size(), &holds))
    return damaged(Codec::snappy, stored.size(), "its length is cut short");
  if (holds != page.size()) return wrong_size(Codec::snappy, stored, holds, page);
  if (!snappy::RawUncompress(text, stored.size(), reinterpret_cast<char*>(page.data())))
    return damaged(Codec::snappy, stored.size(), "its stream is wrong");
  return {};
}

Result<void> copy_plain(Bytes stored, MutableBytes page) {
  if (stored.size() != page.size()) return wrong_size(Codec::none, stored, stored.size(), page);
  if (!page.empty()) std::memcpy(page.data(), stored.data(), page.size());
  return {};
}

struct FreeDeflate {
  void operator()(libdeflate_decompressor* context) const { libdeflate_free_decompressor(context); }
};
struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::string_view name(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "uncompressed";
    case Codec::zlib:
      return "zlib";
    case Codec::lzo:
      return "lzo";
    case Codec::snappy:
      return "snappy";
    case Codec::zstd:
      return "zstd";
    case Codec::lzjb:
      return "lzjb";
    case Codec::bzip2:
      return "bzip2";
  }
  return "unknown";
}

// Made when the first page of their kind is met: a dump has one kind.
struct PageDecoder::Contexts {
  std::unique_ptr<libdeflate_decompressor, FreeDeflate> deflate;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;
};

PageDecoder::PageDecoder() : contexts_(std::make_unique<Contexts>()) {}
PageDecoder::~PageDecoder() = default;
PageDecoder::PageDecoder(PageDecoder&&) noexcept = default;
PageDecoder& PageDecoder::operator=(PageDecoder&&) noexcept = default;

Result<void> PageDecoder::decode(Codec codec, Bytes stored, MutableBytes page) {
  switch (codec) {
    case Codec::none:
      return copy_plain(stored, page);
    case Codec::zlib:
      if (!contexts_->deflate) contexts_->deflate.reset(libdeflate_alloc_decompressor());
      if (!contexts_->deflate) throw std::bad_alloc();
      return decode_zlib(contexts_->deflate.get(), stored, page);
    case Codec::lzo:
      return decode_lzo1x(stored, page);
    case Codec::snappy:
      return decode_snappy(stored, page);
    case Codec::zstd:
      if (!contexts_->zstd) contexts_->zstd.reset(ZSTD_createDCtx());
      if (!contexts_->zstd) throw std::bad_alloc();
      return decode_zstd(contexts_->zstd.get(), stored, page);
    case Codec::lzjb:
      return decode_lzjb(stored, page);
    case Codec::bzip2:
      break;
  }
  return fail(ErrorCode::unsupported, "an unknown compression");
}

}  // namespace panicroom
