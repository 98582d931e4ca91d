#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/io/layer.h"
#include "core/io/stream_decoder.h"

namespace panicroom {

/// What one compressed stream may cost, in bytes.
struct StreamLimits {
  std::uint64_t first_blocks;  ///< decoded output kept from the start on, recompressed
  std::uint64_t other_blocks;  ///< what was decoded again later
  std::uint64_t index;         ///< places to return to, in what is not kept
  std::uint64_t largest_window = std::uint64_t{128}
                                 << 20;  ///< of what was decoded before, that the decoder needs
  std::uint64_t most_output = ~std::uint64_t{0};  ///< that it may decode to
  /// That may be read, brought back and decoded a second time and more, besides 64 times its whole
  /// output: a stream whose places to return to lie far apart could keep anybody waiting.
  std::uint64_t most_redecoded = std::uint64_t{64} << 30;
};

inline constexpr StreamLimits stream_limits(unsigned first, unsigned other, unsigned index,
                                            unsigned window) {
  constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
  return {first * mebibyte, other * mebibyte, index * mebibyte, window * mebibyte};
}
/// 256 MiB and zstd's own limit of the window without --long; 64 MiB and a window of 32 MiB where
/// addresses have 32 bits (a browser).
inline constexpr StreamLimits kStreamLimits =
    sizeof(void*) == 4 ? stream_limits(40, 12, 12, 32) : stream_limits(160, 32, 64, 128);

/// Of a compression within another: a quarter of the memory and the windows of zstd's levels up to
/// 19.
constexpr StreamLimits nested_limits(std::uint64_t most_output) {
  StreamLimits limits =
      sizeof(void*) == 4 ? stream_limits(10, 3, 3, 8) : stream_limits(40, 8, 16, 8);
  limits.most_output = most_output;
  return limits;
}

/// The output of `decoder` as a source. Decodes all of it once, to learn its size, to keep what the
/// limits allow and to note places to return to for the rest. Safe to read from several threads,
/// one at a time. `kind` ("gzip") is for messages. Errors: `corrupt` when there is no output,
/// `unsupported` when there is more than the limits allow.
Result<Layer> open_stream(SourcePtr stream, std::string_view kind,
                          std::unique_ptr<StreamDecoder> decoder, const StreamLimits& limits,
                          const Progress& progress);

}  // namespace panicroom
