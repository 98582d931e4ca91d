#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// How the writer's bitmap words lie in the file. A bitmap written by bytes or by little-endian
/// words is the same; 64-bit big-endian kernels write words whose bytes must be swapped before
/// numbering.
enum class BitmapWords : std::uint8_t { bytes, big_endian_64 };

/// The bits of a page bitmap, least significant first. They stay in the mapped file where there is
/// one, else they are copied. What the file is too short for counts as clear; `bits_in_file` tells.
class PageBits {
 public:
  PageBits() = default;
  /// `bits` bits from `offset`, in bytes. Errors: those of the source.
  static Result<PageBits> read(const SourcePtr& source, std::uint64_t offset, std::uint64_t bits,
                               BitmapWords words = BitmapWords::bytes);
  PageBits(PageBits&&) noexcept = default;
  PageBits& operator=(PageBits&&) noexcept = default;

  std::uint64_t size() const { return size_; }
  std::uint64_t bits_in_file() const { return in_file_; }

  bool test(std::uint64_t bit) const {
    return bit < in_file_ &&
           ((std::to_integer<unsigned>(bytes_[static_cast<std::size_t>(bit >> 3)]) >> (bit & 7)) &
            1) != 0;
  }
  /// The 64 bits from `index * 64`; those outside the file are clear.
  std::uint64_t word(std::uint64_t index) const {
    const std::uint64_t at = index * 8;
    if (at + 8 <= bytes_.size())
      return load<std::uint64_t>(bytes_.data() + at, std::endian::little);
    return last_word(at);
  }
  /// The first bit after `bit` with another value, at most `limit` (which is at most size()).
  std::uint64_t run_end(std::uint64_t bit, std::uint64_t limit) const;

 private:
  std::uint64_t last_word(std::uint64_t at) const;

  SourcePtr source_;
  std::vector<std::byte> copy_;
  Bytes bytes_;  // exactly the in_file_ bits, rounded up to a byte
  std::uint64_t size_ = 0;
  std::uint64_t in_file_ = 0;
};

/// Page bits with the number of set bits before any bit, which is the index of a page in the file.
class RankedPageBits {
 public:
  RankedPageBits() = default;
  explicit RankedPageBits(PageBits bits);

  const PageBits& bits() const { return bits_; }
  bool test(std::uint64_t bit) const { return bits_.test(bit); }
  /// Set bits below `bit`, which is at most bits().size().
  std::uint64_t rank(std::uint64_t bit) const;
  /// Set bits in all.
  std::uint64_t count() const { return count_; }

 private:
  PageBits bits_;
  // Of eight words of bits: the set bits before them, and those in the first 1, 2, ... 7 words as
  // 9-bit numbers. A rank costs one look here and one word of bits.
  struct Block {
    std::uint64_t before = 0;
    std::uint64_t within = 0;
  };
  std::vector<Block> blocks_;
  std::uint64_t count_ = 0;
};

}  // namespace panicroom
