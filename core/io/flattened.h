#pragma once

#include "core/io/layer.h"

namespace panicroom {

/// True when a file with these first bytes is a flattened stream (makedumpfile -F, QEMU's
/// dump-guest-memory): a dump as a row of "these bytes at this offset".
bool is_flattened(Bytes magic);

/// The dump that the stream describes, as `makedumpfile -R` would rebuild it: of overlapping
/// records the last one counts, and what no record wrote is zero. In a truncated stream the latter
/// is not known and is refused. Keeps 24 bytes for each record, the records being found in one pass
/// over their headers. Errors: `corrupt` (no record at all), `unsupported` (another version, more
/// than 16 million records).
Result<Layer> open_flattened(SourcePtr stream, const Progress& progress);

}  // namespace panicroom
