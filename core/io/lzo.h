#pragma once

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace panicroom {

/// Decompresses one LZO1X stream (all levels of LZO1X-1 to LZO1X-999 make the same stream) into
/// exactly `out`. Reads nothing outside `stored` and writes nothing outside `out`, whatever the
/// bytes are; `out` may hold rubbish after an error. Errors: `corrupt`.
Result<void> decode_lzo1x(Bytes stored, MutableBytes out);

}  // namespace panicroom
