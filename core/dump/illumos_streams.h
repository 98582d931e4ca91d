#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"
#include "core/io/bzip2.h"

namespace panicroom {

/// The bzip2 streams of an illumos dump: each lies in many pieces in the file and decodes to
/// { header, pages } one behind the other. Blocks are decoded one by one, so that any of them can
/// be decoded again by itself. Not thread-safe.
class Bzip2Streams {
 public:
  /// Pages from `page` on, `pages` of them, lie from `offset` on in what `stream` decodes to.
  using RangeFound = std::function<void(std::uint32_t stream, std::uint64_t page,
                                        std::uint64_t pages, std::uint64_t offset)>;
  Bzip2Streams(SourcePtr file, std::endian order, unsigned word, std::uint32_t page_size,
               std::uint64_t pages, std::uint32_t largest_range);

  /// The next piece of a stream; blocks that end in it are decoded. Error: what is wrong with the
  /// stream, once.
  Result<void> add(std::uint32_t stream, std::uint64_t offset, std::uint64_t size,
                   const RangeFound& found);
  /// No piece follows. Error: as of `add`.
  Result<void> finish();

  /// Bytes that a stream decodes to, as far as it has been decoded.
  std::uint64_t decoded(std::uint32_t stream) const { return streams_[stream].parsed.output; }
  /// Bytes [offset, offset + out.size()) of what a stream decodes to.
  Result<void> read(std::uint32_t stream, std::uint64_t offset, MutableBytes out);
  /// Where the block that holds such a byte lies: its first byte in the file and how many it has.
  std::pair<std::uint64_t, std::uint64_t> place(std::uint32_t stream, std::uint64_t offset) const;

 private:
  struct Piece {
    std::uint64_t start = 0;   ///< in the stream
    std::uint64_t offset = 0;  ///< in the file
  };
  struct Block {
    std::uint64_t bit = 0;     ///< in the stream, of its magic number
    std::uint64_t output = 0;  ///< bytes decoded before it
    std::uint32_t bits = 0;
  };
  struct Range {
    std::uint64_t page = 0, pages = 0;  ///< of the dump
    std::uint64_t offset = 0;           ///< in what the stream decodes to
  };
  /// What a stream has decoded to so far.
  struct Parsed {
    std::uint64_t output = 0;       ///< bytes
    std::uint64_t skip = 0;         ///< that are left of pages, before the next header
    std::vector<std::byte> header;  ///< as much of the next one as is there
    std::vector<Range> ranges;      ///< not told yet
  };
  struct Stream {
    std::vector<Piece> pieces;
    std::uint64_t size = 0;  ///< bytes in the pieces
    Bzip2Marks marks;
    std::vector<Block> blocks;             ///< those decoded
    std::optional<std::uint64_t> pending;  ///< bit at which a block began that has not ended
    unsigned tries = 0;                    ///< ends of `pending` that were none
    Parsed parsed;
    bool damaged = false;
  };
  struct Decoded {
    std::uint32_t stream = 0;
    std::uint64_t start = 0;  ///< in what the stream decodes to
    std::vector<std::byte> bytes;
  };

  Result<void> mark(std::uint32_t number, std::uint64_t bit, bool begins);
  Result<void> decode_pending(Stream& stream, std::uint64_t end);
  Result<void> parse(Parsed& parsed, Bytes piece) const;
  Result<std::vector<std::byte>> stored(const Stream& stream, std::uint64_t first_bit,
                                        std::uint64_t end_bit) const;
  Result<const Decoded*> chunk(std::uint32_t number, std::uint64_t offset);
  static const Block* block_of(const Stream& stream, std::uint64_t offset);
  static std::uint64_t file_offset(const Stream& stream, std::uint64_t byte);

  SourcePtr file_;
  std::endian order_;
  unsigned word_;
  std::uint32_t page_size_;
  std::uint64_t pages_;
  std::uint32_t largest_range_;
  std::uint64_t output_left_;  ///< bytes that all streams may decode to
  std::vector<Stream> streams_;
  std::list<Decoded> recent_;  ///< the last used first
};

}  // namespace panicroom
