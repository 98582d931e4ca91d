#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/io/byte_source.h"

namespace panicroom {

/// Told how far an opening has come, in bytes of the file; answers false to stop it.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// What was found around the dump, outermost first: "gzip", "zstd", "flattened".
struct Unwrapped {
  SourcePtr source;
  std::vector<std::string> layers;
  std::vector<Note> remarks;  ///< damage that was met: what was decoded before it stays readable
};

/// Takes compression streams (gzip, zstd) and makedumpfile's flattened form off a file, recognised
/// by content, at most four deep. A file that is none of them comes back as it is. Nothing is
/// rewritten: each layer is a source that reads through an index in bounded memory. A compressed
/// stream is decoded once while it is opened. Truncated and damaged layers open as far as they go,
/// with a remark. Errors: `corrupt` when nothing could be decoded, `unsupported` for other
/// compressions (the text says how to take them off), `invalid` when `progress` stopped it.
Result<Unwrapped> unwrap(SourcePtr source, const Progress& progress = {});

}  // namespace panicroom
