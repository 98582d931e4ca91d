#pragma once

#include "core/io/layer.h"
#include "core/io/stream_source.h"

namespace panicroom {

bool is_gzip(Bytes magic);

/// The contents of a gzip file, of one member or several; see open_stream. Bytes after the last
/// member are not read, with a remark unless they are zero.
Result<Layer> open_gzip(SourcePtr stream, const StreamLimits& limits, const Progress& progress);

}  // namespace panicroom
