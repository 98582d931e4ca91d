#pragma once

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// Decompresses one lzjb stream (illumos's and Solaris's own, usr/src/uts/common/os/compress.c)
/// into exactly `out`. A stream as long as its output is the output itself: what does not become
/// smaller is stored as it is. Reads nothing outside `stored` and writes nothing outside `out`,
/// whatever the bytes are. Errors: `corrupt`; `produced`, when given, then says how many bytes of
/// `out` are right.
Result<void> decode_lzjb(Bytes stored, MutableBytes out, std::size_t* produced = nullptr);

/// The most bytes that a stream of `stored` bytes can decode to.
std::uint64_t most_lzjb_output(std::uint64_t stored);

/// What the lzjb stream at [offset, offset + stored) of `file` decodes to, `size` bytes. It is
/// decoded as a whole when it is first read, and kept. Of a damaged stream what comes before the
/// damage can be read.
SourcePtr lzjb_source(SourcePtr file, std::uint64_t offset, std::uint64_t stored,
                      std::uint64_t size, std::string name);

}  // namespace panicroom
