#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace panicroom {

/// Finds where blocks of a bzip2 stream begin and end: each, and what ends the last of a member,
/// has a magic number of 48 bits at any bit. The bytes come in pieces.
class Bzip2Marks {
 public:
  /// `begins`: a block; otherwise the end of a member. `bit`: of the number's first, in the stream.
  using Visitor = std::function<void(std::uint64_t bit, bool begins)>;
  void add(Bytes piece, const Visitor& visit);
  /// Bytes added so far.
  std::uint64_t size() const { return size_; }

 private:
  std::uint64_t window_ = 0;
  std::uint64_t size_ = 0;
};

/// The most bytes that the compressed form of one block takes.
inline constexpr std::uint64_t most_bzip2_block = std::uint64_t{1536} << 10;

/// Decodes one block of a bzip2 stream by itself. `stored` holds it from bit `first` (0 to 7) of
/// its first byte on, `bits` bits in all, magic number included. What comes out is shown in pieces
/// until `visit` answers false. Errors: `corrupt`.
Result<void> decode_bzip2_block(Bytes stored, unsigned first, std::uint64_t bits,
                                const std::function<bool(Bytes piece)>& visit);

}  // namespace panicroom
