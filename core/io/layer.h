#pragma once

#include <vector>

#include "core/io/byte_source.h"
#include "core/io/unwrap.h"

namespace panicroom {

/// What one wrapping gives: the bytes inside it, and what was found damaged on the way. When damage
/// was met, `source` ends where the damage begins.
struct Layer {
  SourcePtr source;
  std::vector<Note> remarks;
};

/// The first bytes of a file, by which a wrapping is recognised; fewer in a shorter file.
inline constexpr std::size_t kMagicSize = 16;

/// The error of an opening that `Progress` has stopped.
inline Failure cancelled() { return fail(ErrorCode::invalid, "opening was cancelled"); }

}  // namespace panicroom
