#include "core/io/unwrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/io/flattened.h"
#include "core/io/gzip.h"
#include "core/io/layer.h"
#include "core/io/zstd.h"

namespace panicroom {
namespace {

constexpr std::size_t kMostLayers = 4;

// A compression within a compression may decode to this many times the whole file, or so many
// bytes: honest ones do not, and two together could keep anybody waiting for days.
constexpr std::uint64_t kNestedRatio = 64;
constexpr std::uint64_t kNestedOutput = std::uint64_t{256} << 20;

struct Wrapping {
  std::string_view name;
  bool compression;
  bool (*recognises)(Bytes magic);
  Result<Layer> (*open)(SourcePtr source, const StreamLimits& limits, const Progress& progress);
};

constexpr std::array kWrappings{
    Wrapping{"flattened", false, is_flattened,
             [](SourcePtr source, const StreamLimits&, const Progress& progress) {
               return open_flattened(std::move(source), progress);
             }},
    Wrapping{"gzip", true, is_gzip, open_gzip},
    Wrapping{"zstd", true, is_zstd, open_zstd},
};

/// Compressions that are named but not read, and the command that takes them off.
struct Foreign {
  std::string_view magic;
  std::string_view name;
  std::string_view command;
};

constexpr std::array kForeign{
    Foreign{"BZh", "bzip2", "bunzip2"},
    Foreign{{"\xfd"
             "7zXZ\0",
             6},
            "xz",
            "xz -d"},
    Foreign{{"\x04\x22\x4d\x18", 4}, "lz4", "lz4 -d"},
    Foreign{"\x1f\x9d", "compress", "gzip -d"},
};

}  // namespace

Result<Unwrapped> unwrap(SourcePtr source, const Progress& progress) {
  Unwrapped result;
  const std::uint64_t file_size = source->size();
  StreamLimits limits = kStreamLimits;
  for (;;) {
    std::array<std::byte, kMagicSize> buffer{};
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), source->size()));
    const auto magic = MutableBytes(buffer).first(length);
    PANICROOM_CHECK(source->read(0, magic));
    const std::string_view text(reinterpret_cast<const char*>(magic.data()), magic.size());
    for (const Foreign& foreign : kForeign) {
      if (text.starts_with(foreign.magic))
        return fail(ErrorCode::unsupported,
                    fmt::format("this is compressed with {}: decompress it with {} first",
                                foreign.name, foreign.command));
    }
    const auto wrapping =
        std::find_if(kWrappings.begin(), kWrappings.end(),
                     [&](const Wrapping& each) { return each.recognises(magic); });
    if (wrapping == kWrappings.end()) break;
    if (!wrapping->compression && std::find(result.layers.begin(), result.layers.end(),
                                            wrapping->name) != result.layers.end())
      return fail(ErrorCode::unsupported,
                  fmt::format("a {} dump within a {} dump: undo the outer one with makedumpfile -R",
                              wrapping->name, wrapping->name));
    if (result.layers.size() == kMostLayers)
      return fail(ErrorCode::unsupported,
                  fmt::format("the file is wrapped more than {} times", kMostLayers));
    auto layer = wrapping->open(std::move(source), limits, progress);
    if (!layer) return Failure(std::move(layer).error());
    source = std::move(layer->source);
    result.layers.emplace_back(wrapping->name);
    if (wrapping->compression)
      limits = nested_limits(std::max(
          kNestedOutput, checked_mul(file_size, kNestedRatio).value_or(~std::uint64_t{0})));
    result.remarks.insert(result.remarks.end(), layer->remarks.begin(), layer->remarks.end());
  }
  result.source = std::move(source);
  return result;
}

}  // namespace panicroom
