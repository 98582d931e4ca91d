#pragma once

#include <string>
#include <vector>

#include "core/io/byte_source.h"

namespace panicroom {

/// What was found around the dump, outermost first: "gzip", "zstd", "flattened".
struct Unwrapped {
  SourcePtr source;
  std::vector<std::string> layers;
  std::vector<Note> remarks;  ///< damage that was met: what was decoded before it stays readable
};

/// Takes compression streams (gzip, zstd) and makedumpfile's flattened form off a file, recognised by
/// content, at most four deep. A file that is none of them comes back as it is. Nothing is rewritten:
/// each layer is a source that reads through an index in bounded memory.
Result<Unwrapped> unwrap(SourcePtr source);

}  // namespace panicroom
