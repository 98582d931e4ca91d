#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/io/layer.h"
#include "core/io/stream_decoder.h"

namespace panicroom {

/// Memory that one compressed stream may take, in bytes.
struct StreamLimits {
  std::uint64_t first_blocks;  ///< decoded output kept from the start on, recompressed
  std::uint64_t other_blocks;  ///< what was decoded again later
  std::uint64_t index;         ///< places to return to, in what is not kept
  std::uint64_t most_output = ~std::uint64_t{0};  ///< bytes that it may decode to
};

/// 256 MiB in all; 64 MiB where addresses have 32 bits (a browser).
inline constexpr StreamLimits kStreamLimits =
    sizeof(void*) == 4
        ? StreamLimits{std::uint64_t{40} << 20, std::uint64_t{12} << 20, std::uint64_t{12} << 20}
        : StreamLimits{std::uint64_t{160} << 20, std::uint64_t{32} << 20, std::uint64_t{64} << 20};

/// The output of `decoder` as a source. Decodes all of it once, to learn its size, to keep what the
/// limits allow and to note places to return to for the rest. Safe to read from several threads,
/// one at a time. `kind` ("gzip") is for messages. Errors: `corrupt` when there is no output,
/// `unsupported` when there is more than the limits allow.
Result<Layer> open_stream(SourcePtr stream, std::string_view kind,
                          std::unique_ptr<StreamDecoder> decoder, const StreamLimits& limits,
                          const Progress& progress);

}  // namespace panicroom
