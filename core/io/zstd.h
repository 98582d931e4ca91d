#pragma once

#include "core/io/layer.h"
#include "core/io/stream_source.h"

namespace panicroom {

bool is_zstd(Bytes magic);

/// The contents of a zstd file, of one frame or several; see open_stream. Bytes after the last
/// frame are not read, with a remark unless they are zero.
Result<Layer> open_zstd(SourcePtr stream, const StreamLimits& limits, const Progress& progress);

}  // namespace panicroom
