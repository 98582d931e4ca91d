#include "core/dump/illumos_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"

// What a stream decodes to: dumpstreamhdr_t of illumos-gate usr/src/uts/common/sys/dumphdr.h and
// bz2block() of usr/src/cmd/savecore/savecore.c.

namespace panicroom {
namespace {

/// A number that only looks like a magic one comes once in so many blocks that two never meet.
constexpr unsigned most_tries = 3;
constexpr std::uint64_t chunk_size = std::uint64_t{1} << 20;
constexpr std::size_t most_recent = 8;
/// All pieces but a stream's last are some 128 KiB; less than this each, on the whole, are made to
/// fill memory.
constexpr std::uint64_t least_piece = 64;
constexpr std::uint64_t most_small_pieces = 4096;

}  // namespace

Bzip2Streams::Bzip2Streams(SourcePtr file, std::endian order, unsigned word,
                           std::uint32_t page_size, std::uint64_t pages,
                           std::uint32_t largest_range)
    : file_(std::move(file)),
      order_(order),
      word_(word),
      page_size_(page_size),
      pages_(pages),
      largest_range_(largest_range),
      // Each page comes once, with a header at most.
      output_left_(checked_mul<std::uint64_t>(pages, std::uint64_t{page_size} + 24)
                       .value_or(~std::uint64_t{0})) {}

std::uint64_t Bzip2Streams::file_offset(const Stream& stream, std::uint64_t byte) {
  const auto after =
      std::upper_bound(stream.pieces.begin(), stream.pieces.end(), byte,
                       [](std::uint64_t at, const Piece& piece) { return at < piece.start; });
  if (after == stream.pieces.begin()) return 0;
  const Piece& piece = *std::prev(after);
  return piece.offset + (byte - piece.start);
}

Result<void> Bzip2Streams::add(std::uint32_t number, std::uint64_t offset, std::uint64_t size,
                               const RangeFound& found) {
  if (number >= streams_.size()) streams_.resize(number + std::size_t{1});
  Stream& stream = streams_[number];
  if (stream.damaged || size == 0) return {};
  if (stream.pieces.size() > most_small_pieces + stream.size / least_piece) {
    stream.damaged = true;
    return fail_at_offset(ErrorCode::corrupt, offset,
                          fmt::format("stream {} lies in too many small blocks", number + 1));
  }
  std::vector<std::byte> buffer;
  Bytes bytes = file_->view(offset, size);
  if (bytes.empty()) {
    buffer.resize(static_cast<std::size_t>(size));
    PANICROOM_CHECK(file_->read(offset, buffer));
    bytes = buffer;
  }
  stream.pieces.push_back({stream.size, offset});
  stream.size += size;
  std::optional<Error> wrong;
  stream.marks.add(bytes, [&](std::uint64_t bit, bool begins) {
    if (stream.damaged) return;
    if (auto done = mark(number, bit, begins); !done) wrong = std::move(done).error();
  });
  for (const Range& range : stream.parsed.ranges)
    found(number, range.page, range.pages, range.offset);
  stream.parsed.ranges.clear();
  if (!wrong && stream.pending && stream.size - *stream.pending / 8 > most_bzip2_block) {
    stream.damaged = true;
    wrong = Error{ErrorCode::corrupt, Absence::none,
                  fmt::format("a block of bzip2 stream {} does not end", number + 1), std::nullopt,
                  file_offset(stream, *stream.pending / 8)};
  }
  if (wrong) return Failure(*std::move(wrong));
  return {};
}

Result<void> Bzip2Streams::mark(std::uint32_t number, std::uint64_t bit, bool begins) {
  Stream& stream = streams_[number];
  if (stream.pending) {
    if (auto done = decode_pending(stream, bit); !done) {
      if (++stream.tries < most_tries) return {};
      stream.damaged = true;
      return Failure(done.error()
                         .within(fmt::format("bzip2 stream {}", number + 1))
                         .at_offset(file_offset(stream, *stream.pending / 8)));
    }
    stream.pending.reset();
    stream.tries = 0;
  }
  if (begins) stream.pending = bit;
  return {};
}

Result<void> Bzip2Streams::decode_pending(Stream& stream, std::uint64_t end) {
  const std::uint64_t begin = *stream.pending;
  PANICROOM_TRY(bytes, stored(stream, begin, end));
  // Taken over only when the block proves to be whole.
  Parsed parsed = stream.parsed;
  Result<void> parses{};
  const auto most = checked_add(parsed.output, output_left_).value_or(~std::uint64_t{0});
  PANICROOM_CHECK(
      decode_bzip2_block(bytes, static_cast<unsigned>(begin % 8), end - begin, [&](Bytes piece) {
        parses = parse(parsed, piece);
        if (parses && parsed.output > most)
          parses = fail(ErrorCode::corrupt, "it decodes to more than all pages of the dump");
        return parses.has_value();
      }));
  PANICROOM_CHECK(parses);
  output_left_ -= parsed.output - stream.parsed.output;
  stream.blocks.push_back({begin, stream.parsed.output, static_cast<std::uint32_t>(end - begin)});
  stream.parsed = std::move(parsed);
  return {};
}

Result<void> Bzip2Streams::parse(Parsed& parsed, Bytes piece) const {
  const std::size_t header_size = 8 + std::size_t{2} * word_;
  while (!piece.empty()) {
    const bool in_pages = parsed.skip != 0;
    const std::uint64_t wanted = in_pages ? parsed.skip : header_size - parsed.header.size();
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, piece.size()));
    const Bytes part = piece.first(now);
    piece = piece.subspan(now);
    parsed.output += now;
    if (in_pages) {
      parsed.skip -= now;
      continue;
    }
    parsed.header.insert(parsed.header.end(), part.begin(), part.end());
    if (parsed.header.size() < header_size) continue;
    const Reader reader(parsed.header, order_);
    const std::uint64_t page = *reader.word(8, word_);
    const std::uint64_t count = *reader.word(8 + std::uint64_t{word_}, word_);
    if (reader.text(0, 8) != "StrmHdr")
      return fail(ErrorCode::corrupt, "no header stands where one must");
    if (!contains(pages_, page, count) || (largest_range_ != 0 && count > largest_range_))
      return fail(ErrorCode::corrupt,
                  fmt::format("a header names {} pages from page {} on, but the dump has {} pages",
                              count, page, pages_));
    if (count != 0) parsed.ranges.push_back({page, count, parsed.output});
    parsed.skip = count * page_size_;
    parsed.header.clear();
  }
  return {};
}

Result<std::vector<std::byte>> Bzip2Streams::stored(const Stream& stream, std::uint64_t first_bit,
                                                    std::uint64_t end_bit) const {
  const std::uint64_t first = first_bit / 8;
  const std::uint64_t end = (end_bit + 7) / 8;
  if (end - first > most_bzip2_block + 1 || end > stream.size)
    return fail(ErrorCode::corrupt, "one of its blocks is larger than any can be");
  std::vector<std::byte> bytes(static_cast<std::size_t>(end - first));
  auto piece = std::upper_bound(stream.pieces.begin(), stream.pieces.end(), first,
                                [](std::uint64_t at, const Piece& one) { return at < one.start; });
  for (std::uint64_t at = first; at < end;) {
    const Piece& from = *std::prev(piece);
    const std::uint64_t piece_end = piece == stream.pieces.end() ? stream.size : piece->start;
    const std::uint64_t stop = std::min(end, piece_end);
    PANICROOM_CHECK(file_->read(from.offset + (at - from.start),
                                MutableBytes(bytes).subspan(static_cast<std::size_t>(at - first),
                                                            static_cast<std::size_t>(stop - at))));
    at = stop;
    if (piece != stream.pieces.end()) ++piece;
  }
  return bytes;
}

Result<void> Bzip2Streams::finish() {
  for (std::size_t number = 0; number < streams_.size(); ++number) {
    Stream& stream = streams_[number];
    if (stream.damaged || (!stream.pending && stream.parsed.skip == 0)) continue;
    stream.damaged = true;
    return fail_at_offset(ErrorCode::corrupt, file_offset(stream, stream.size - 1),
                          fmt::format("bzip2 stream {} ends within a range of pages", number + 1));
  }
  return {};
}

const Bzip2Streams::Block* Bzip2Streams::block_of(const Stream& stream, std::uint64_t offset) {
  const auto after =
      std::upper_bound(stream.blocks.begin(), stream.blocks.end(), offset,
                       [](std::uint64_t at, const Block& block) { return at < block.output; });
  return after == stream.blocks.begin() ? nullptr : &*std::prev(after);
}

std::pair<std::uint64_t, std::uint64_t> Bzip2Streams::place(std::uint32_t number,
                                                            std::uint64_t offset) const {
  if (number >= streams_.size()) return {};
  const Stream& stream = streams_[number];
  const Block* block = block_of(stream, offset);
  if (block == nullptr) return {};
  return {file_offset(stream, block->bit / 8), (block->bit % 8 + block->bits + 7) / 8};
}

Result<const Bzip2Streams::Decoded*> Bzip2Streams::chunk(std::uint32_t number,
                                                         std::uint64_t offset) {
  const auto known = std::find_if(recent_.begin(), recent_.end(), [&](const Decoded& one) {
    return one.stream == number && offset >= one.start && offset - one.start < one.bytes.size();
  });
  if (known != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, known);
    return &recent_.front();
  }
  const Stream& stream = streams_[number];
  const Block* block = block_of(stream, offset);
  if (block == nullptr)
    return fail(ErrorCode::corrupt, "no block of the bzip2 stream has this page");
  PANICROOM_TRY(bytes, stored(stream, block->bit, block->bit + block->bits));
  Decoded decoded;
  decoded.stream = number;
  // A block of zeros decodes to many megabytes: in parts then.
  const std::uint64_t before = (offset - block->output) / chunk_size * chunk_size;
  decoded.start = block->output + before;
  std::uint64_t at = 0;
  PANICROOM_CHECK(decode_bzip2_block(
      bytes, static_cast<unsigned>(block->bit % 8), block->bits, [&](Bytes piece) {
        const std::uint64_t end = at + piece.size();
        if (end > before) {
          const auto from = static_cast<std::size_t>(before > at ? before - at : 0);
          const Bytes part = piece.subspan(from);
          const auto count = static_cast<std::size_t>(
              std::min<std::uint64_t>(part.size(), chunk_size - decoded.bytes.size()));
          decoded.bytes.insert(decoded.bytes.end(), part.begin(),
                               part.begin() + static_cast<std::ptrdiff_t>(count));
        }
        at = end;
        return decoded.bytes.size() < chunk_size;
      }));
  if (offset - decoded.start >= decoded.bytes.size())
    return fail(ErrorCode::corrupt, "the bzip2 stream no longer decodes as it did before");
  recent_.push_front(std::move(decoded));
  if (recent_.size() > most_recent) recent_.pop_back();
  return &recent_.front();
}

Result<void> Bzip2Streams::read(std::uint32_t number, std::uint64_t offset, MutableBytes out) {
  if (number >= streams_.size())
    return fail(ErrorCode::corrupt, fmt::format("there is no bzip2 stream {}", number));
  while (!out.empty()) {
    PANICROOM_TRY(decoded, chunk(number, offset));
    const Bytes from =
        Bytes(decoded->bytes).subspan(static_cast<std::size_t>(offset - decoded->start));
    const std::size_t count = std::min(from.size(), out.size());
    std::copy_n(from.begin(), count, out.begin());
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

}  // namespace panicroom
