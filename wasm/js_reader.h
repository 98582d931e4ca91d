#pragma once

#include <emscripten/val.h>

#include <memory>

#include "wasm/slice_source.h"

namespace panicroom {

/// A JavaScript object `{name: string, size: number, read(offset: number, length: number):
/// Uint8Array}` as a file. `read` answers synchronously with exactly `length` bytes or throws; what
/// it throws becomes the text of an `io` error.
SourcePtr js_source(const emscripten::val& file, std::shared_ptr<BlockCache> cache);

}  // namespace panicroom
