#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/io/byte_source.h"

namespace panicroom {

/// Reads a source from front to back for a decompressor: in place where it is mapped, else in
/// chunks.
class StreamInput {
 public:
  explicit StreamInput(SourcePtr source) : source_(std::move(source)) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t size() const { return source_->size(); }
  std::uint64_t left() const { return source_->size() - position_; }
  /// At most the source's size.
  void seek(std::uint64_t position) { position_ = std::min(position, source_->size()); }
  void skip(std::uint64_t count) { position_ += std::min(count, left()); }

  /// Bytes from the position on, at least one unless the source is at its end. Valid until the next
  /// call.
  Result<Bytes> peek() {
    if (Bytes here = buffered(1); !here.empty()) return here;
    return fetch(std::min<std::uint64_t>(kChunk, left()));
  }
  /// The same, but `count` bytes in one piece (at most the chunk's 256 KiB), fewer only at the end.
  Result<Bytes> peek(std::size_t count) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, left()));
    if (Bytes here = buffered(wanted); !here.empty()) return here.first(wanted);
    auto fetched = fetch(std::min<std::uint64_t>(kChunk, left()));
    if (!fetched) return fetched;
    return fetched->first(wanted);
  }

 private:
  static constexpr std::size_t kChunk = std::size_t{256} << 10;

  // What is at hand from the position on, if that is at least `count` bytes.
  Bytes buffered(std::size_t count) const {
    if (position_ < chunk_begin_ || position_ - chunk_begin_ > chunk_.size()) return {};
    const Bytes here = chunk_.subspan(static_cast<std::size_t>(position_ - chunk_begin_));
    return here.size() >= count ? here : Bytes{};
  }
  Result<Bytes> fetch(std::uint64_t length) {
    chunk_ = source_->view(position_, length);
    if (chunk_.empty() && length != 0) {
      buffer_.resize(static_cast<std::size_t>(length));
      PANICROOM_CHECK(source_->read(position_, buffer_));
      chunk_ = buffer_;
    }
    chunk_begin_ = position_;
    return chunk_;
  }

  SourcePtr source_;
  std::uint64_t position_ = 0;
  std::uint64_t chunk_begin_ = 0;
  Bytes chunk_;  // of the source itself or in buffer_
  std::vector<std::byte> buffer_;
};

}  // namespace panicroom
