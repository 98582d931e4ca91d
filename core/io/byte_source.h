#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace panicroom {

/// The one door to a file's bytes. A source is immutable to its readers and may be read from
/// several threads at once (a browser's sources live in one thread and need no locks).
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// What messages call the file: its path or the name that the user dropped.
  virtual const std::string& name() const = 0;
  /// Bytes in all.
  virtual std::uint64_t size() const = 0;
  /// Fills `out` from `offset`, whole or not at all. Errors: `not_in_dump` (truncated) past the
  /// end, `io` when the system refuses, `corrupt` when a wrapped stream does.
  virtual Result<void> read(std::uint64_t offset, MutableBytes out) const = 0;
  /// The bytes themselves where they lie in memory for the whole life of the source (a mapped
  /// file), else empty. Empty too when the range leaves the file.
  virtual Bytes view(std::uint64_t offset, std::uint64_t length) const {
    static_cast<void>(offset), static_cast<void>(length);
    return {};
  }
  /// The first offset at or after `offset` whose byte may be other than zero, size() when there is
  /// none: a claim of zeros (a sparse file's hole, what no record of a flattened dump wrote) must
  /// cost neither time nor memory. Where nothing is known that is `offset` itself.
  virtual std::uint64_t next_stored(std::uint64_t offset) const { return std::min(offset, size()); }
  /// A hint that these bytes will not be looked at again soon: a mapped file gives their memory
  /// back. Views of them stay valid.
  virtual void done_with(std::uint64_t offset, std::uint64_t length) const {
    static_cast<void>(offset), static_cast<void>(length);
  }

 protected:
  ByteSource() = default;
};

using SourcePtr = std::shared_ptr<const ByteSource>;

/// The error of every source for a read that leaves the file.
Failure past_end(const ByteSource& source, std::uint64_t offset, std::uint64_t length);

/// Reads `length` bytes into a new buffer. `limit` bounds the allocation: a longer request is
/// `corrupt`.
Result<std::vector<std::byte>> read_bytes(const ByteSource& source, std::uint64_t offset,
                                          std::uint64_t length, std::uint64_t limit);

/// A source over bytes in memory that it owns.
SourcePtr memory_source(std::string name, std::vector<std::byte> bytes);
/// A part of another source as a source of its own; the range is clipped to the parent's size.
SourcePtr sub_source(SourcePtr parent, std::uint64_t offset, std::uint64_t length,
                     std::string name);

}  // namespace panicroom
