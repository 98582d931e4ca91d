#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace panicroom {

/// Decompresses a stream from front to back and can be put back to places it took note of.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  /// Decodes the next bytes. Fewer than `out` holds mean the end: of the stream, or of what can be
  /// decoded of it; `remarks` then says why. Errors: those of the source, and `unsupported`
  /// streams.
  virtual Result<std::size_t> decode(MutableBytes out) = 0;
  /// Moves to `output` bytes from the start or before it, not further back than needed. Answers how
  /// many bytes of what was decoded before it had to bring back for that.
  virtual Result<std::uint64_t> seek(std::uint64_t output) = 0;

  /// Bytes of output before the next one, and of the stream that they took.
  virtual std::uint64_t position() const = 0;
  virtual std::uint64_t consumed() const = 0;

  /// From here on places to return to are noted, within `budget` bytes of memory, until the stop.
  virtual void start_index(std::uint64_t budget) = 0;
  virtual void stop_index() = 0;

  virtual const std::vector<Note>& remarks() const = 0;

 protected:
  StreamDecoder() = default;
};

}  // namespace panicroom
