#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace panicroom {

/// A run of bytes that is fetched piece by piece when it is first looked at, so that a large table
/// of the dead kernel costs only the pages that a question touches. Addresses in it are stable.
class LazyBytes {
 public:
  /// Fills `out` from byte `offset` of the run, whole or not at all.
  using Fetch = std::function<Result<void>(std::uint64_t offset, MutableBytes out)>;

  /// Bytes that are all there.
  explicit LazyBytes(std::vector<std::byte> whole);
  /// Bytes that are all there and belong to `owner`.
  LazyBytes(Bytes view, std::shared_ptr<const void> owner);
  /// `size` bytes fetched in blocks that end where (`phase` + offset) is a multiple of 4 KiB.
  LazyBytes(std::uint64_t size, std::uint64_t phase, Fetch fetch);

  std::uint64_t size() const { return size_; }

  /// `length` bytes at `offset`; null when they leave the run or cannot be fetched: `error` then
  /// says why.
  const std::byte* at(std::uint64_t offset, std::uint64_t length) {
    if (offset > size_ || length > size_ - offset) return leaves(offset, length);
    if (!fetch_ || length == 0) return data_ + offset;
    const std::uint64_t last = (phase_ + offset + length - 1) / kBlock;
    for (std::uint64_t block = (phase_ + offset) / kBlock; block <= last; ++block)
      if (!present_[static_cast<std::size_t>(block)] && !fetch(block)) return nullptr;
    return data_ + offset;
  }
  /// The text at `offset` without its NUL; nothing when it has none within `limit` bytes or before
  /// `end`.
  std::optional<std::string_view> text(std::uint64_t offset, std::uint64_t end,
                                       std::uint64_t limit);
  /// Why the latest `at` or `text` answered nothing.
  const Error& error() const { return error_; }

 private:
  static constexpr std::uint64_t kBlock = 4096;

  const std::byte* leaves(std::uint64_t offset, std::uint64_t length);
  bool fetch(std::uint64_t block);

  std::vector<std::byte> whole_;
  std::shared_ptr<const void> owner_;
  std::unique_ptr<std::byte[]> pieces_;  // not initialised: pages never fetched take no memory
  const std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t phase_ = 0;
  std::vector<bool> present_;
  Fetch fetch_;
  Error error_;
};

}  // namespace panicroom
