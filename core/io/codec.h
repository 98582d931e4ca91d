#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace panicroom {

/// How a page's bytes are stored in a dump.
/// bzip2 is of streams that hold many pages: their owner decodes them, not PageDecoder.
enum class Codec : std::uint8_t { none, zlib, lzo, snappy, zstd, lzjb, bzip2 };
std::string_view name(Codec codec);

/// Decompresses whole pages. Holds the codecs' contexts so that a page costs no allocation: use one
/// per thread.
class PageDecoder {
 public:
  PageDecoder();
  ~PageDecoder();
  PageDecoder(PageDecoder&&) noexcept;
  PageDecoder& operator=(PageDecoder&&) noexcept;

  /// Decompresses `stored` into exactly `page`; anything shorter or longer is `corrupt`. `page` may
  /// hold rubbish after an error.
  Result<void> decode(Codec codec, Bytes stored, MutableBytes page);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace panicroom
