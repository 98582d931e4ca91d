#pragma once

#include <cstdint>
#include <memory>
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
/// one, else what is not zero of them is copied. What the file is too short for counts as clear;
/// `bits_in_file` tells. A bitmap may number far more pages than a dump holds (memory lies at high
/// addresses; a hostile header claims anything): stretches that nobody wrote cost nothing.
class PageBits {
 public:
  static constexpr unsigned chunk_shift =
      18;  ///< bits of a chunk: 32 KiB of bitmap, 1 GiB of pages
  static constexpr std::uint64_t words_per_chunk = std::uint64_t{1} << (chunk_shift - 6);
  static constexpr std::uint64_t default_limit = std::uint64_t{sizeof(void*) == 4 ? 32 : 512} << 20;

  PageBits() = default;
  /// `bits` bits from `offset`, in bytes. Errors: those of the source, `unsupported` when the file
  /// is not mapped and more than `limit` bytes would have to be copied: of several bitmaps that are
  /// kept together each gets what those before it left.
  static Result<PageBits> read(const SourcePtr& source, std::uint64_t offset, std::uint64_t bits,
                               BitmapWords words = BitmapWords::bytes,
                               std::uint64_t limit = default_limit);
  PageBits(PageBits&&) noexcept = default;
  PageBits& operator=(PageBits&&) noexcept = default;

  std::uint64_t size() const { return size_; }
  std::uint64_t bits_in_file() const { return in_file_; }
  /// Bytes that had to be copied.
  std::uint64_t copied() const { return copied_; }

  bool test(std::uint64_t bit) const {
    return bit < in_file_ && (word(bit / 64) >> (bit % 64) & 1) != 0;
  }
  /// The 64 bits from `index * 64`; those outside the file are clear, but for what shares the last
  /// byte in it.
  std::uint64_t word(std::uint64_t index) const {
    if (mapped_.empty()) return copied_word(index);
    const std::uint64_t at = index * 8;
    if (at + 8 <= mapped_.size())
      return load<std::uint64_t>(mapped_.data() + at, std::endian::little);
    return last_word(at);
  }
  /// The first bit after `bit` with another value, at most `limit` (which is at most size()).
  std::uint64_t run_end(std::uint64_t bit, std::uint64_t limit) const;
  /// The first word at or after `index` that may have a set bit; beyond the last one when none has.
  std::uint64_t next_stored_word(std::uint64_t index) const;
  /// A hint that these words will not be looked at again soon.
  void done_with_words(std::uint64_t index, std::uint64_t count) const;

 private:
  Result<void> copy(const ByteSource& source, std::uint64_t offset, std::uint64_t length,
                    BitmapWords words, std::uint64_t limit);
  std::uint64_t copied_word(std::uint64_t index) const {
    const std::uint64_t chunk = index / words_per_chunk;
    if (chunk >= chunks_.size() || !chunks_[static_cast<std::size_t>(chunk)]) return 0;
    return load<std::uint64_t>(
        chunks_[static_cast<std::size_t>(chunk)].get() + index % words_per_chunk * 8,
        std::endian::little);
  }
  std::uint64_t last_word(std::uint64_t at) const;

  SourcePtr source_;          // of mapped_
  std::uint64_t offset_ = 0;  // of mapped_ in it
  Bytes mapped_;              // exactly the in_file_ bits, rounded up to a byte
  std::vector<std::unique_ptr<std::byte[]>> chunks_;  // the same, copied; null where all are zero
  std::uint64_t copied_ = 0;
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
  // Of eight words of bits, a cache line: the set bits before them in their chunk, and those in the
  // first 1, 2, ... 7 words as 9-bit numbers. A rank costs one look here, one at the chunk and one
  // word of bits.
  struct Block {
    std::uint64_t before = 0;
    std::uint64_t within = 0;
  };
  struct Chunk {
    std::uint64_t before = 0;          // set bits before the chunk
    std::uint32_t blocks = all_clear;  // of its first block, unless all its bits are alike
  };
  static constexpr std::uint32_t all_clear = ~std::uint32_t{0};
  static constexpr std::uint32_t all_set = all_clear - 1;

  void index_chunk(std::uint64_t first_word, std::uint64_t bits);

  PageBits bits_;
  std::vector<Chunk> chunks_;
  std::vector<Block> blocks_;
  std::uint64_t count_ = 0;
};

}  // namespace panicroom
