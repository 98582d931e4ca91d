#include "core/io/flattened.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <queue>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"

// Layout: makedumpfile, makedumpfile.h (struct makedumpfile_header, struct
// makedumpfile_data_header); all numbers big-endian.

namespace panicroom {
namespace {

constexpr std::string_view kSignature = "makedumpfile";
constexpr std::uint64_t kHeaderSize = 4096;
constexpr std::uint64_t kRecordHeaderSize = 16;
constexpr std::uint64_t kEndMark = ~std::uint64_t{0};
constexpr unsigned kMostEmpty = 1024;
constexpr std::size_t kMostRecords = std::size_t{16} << 20;

/// `size` bytes of the dump from `begin`, which lie in the stream from `place`.
struct Piece {
  std::uint64_t begin;
  std::uint64_t size;
  std::uint64_t place;
  std::uint64_t end() const { return begin + size; }
};

void append(std::vector<Piece>& pieces, const Piece& piece) {
  if (!pieces.empty() && pieces.back().end() == piece.begin &&
      pieces.back().place + pieces.back().size == piece.place) {
    pieces.back().size += piece.size;
  } else {
    pieces.push_back(piece);
  }
}

/// Makes pieces that do not overlap, in order; where several wrote, the one furthest in the stream
/// stays.
std::vector<Piece> resolve(std::vector<Piece> records) {
  std::sort(records.begin(), records.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  const auto overlaps = [](const Piece& a, const Piece& b) { return b.begin < a.end(); };
  if (std::adjacent_find(records.begin(), records.end(), overlaps) == records.end()) return records;

  std::vector<Piece> pieces;
  const auto earlier = [&](std::size_t a, std::size_t b) {
    return records[a].place < records[b].place;
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(earlier)> open(earlier);
  std::uint64_t at = 0;
  for (std::size_t next = 0; next < records.size() || !open.empty();) {
    if (open.empty()) at = records[next].begin;
    while (next < records.size() && records[next].begin <= at) open.push(next++);
    while (!open.empty() && records[open.top()].end() <= at) open.pop();
    if (open.empty()) continue;
    const Piece& last = records[open.top()];
    std::uint64_t stop = last.end();
    if (next < records.size()) stop = std::min(stop, records[next].begin);
    append(pieces, {at, stop - at, last.place + (at - last.begin)});
    at = stop;
  }
  return pieces;
}

class FlattenedSource final : public ByteSource {
 public:
  FlattenedSource(SourcePtr stream, std::vector<Piece> pieces, std::optional<Note> damage)
      : stream_(std::move(stream)), pieces_(std::move(pieces)), damage_(std::move(damage)) {}

  const std::string& name() const override { return stream_->name(); }
  std::uint64_t size() const override { return pieces_.back().end(); }

  Result<void> read(std::uint64_t offset, MutableBytes out) const override;
  Bytes view(std::uint64_t offset, std::uint64_t length) const override;
  std::uint64_t next_stored(std::uint64_t offset) const override {
    // In a truncated stream a gap is not known to be zero.
    if (offset >= size() || damage_) return std::min(offset, size());
    return std::max(offset, piece_at(offset)->begin);
  }

 private:
  // The first piece that ends after `offset`.
  std::vector<Piece>::const_iterator piece_at(std::uint64_t offset) const {
    return std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                            [](std::uint64_t at, const Piece& piece) { return at < piece.end(); });
  }
  Result<void> check_written(std::uint64_t offset, std::uint64_t length) const;

  SourcePtr stream_;
  std::vector<Piece> pieces_;   // in order, not overlapping, not empty
  std::optional<Note> damage_;  // no end mark was reached, and why
};

Result<void> FlattenedSource::check_written(std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t end = offset + length;
  for (auto piece = piece_at(offset); offset < end; ++piece) {
    if (piece->begin > offset) {
      return Failure(
          Error{ErrorCode::not_in_dump, Absence::truncated,
                fmt::format("these bytes are not in what precedes {:#x} of the stream: {}",
                            damage_->at.value_or(0), damage_->text),
                std::nullopt, offset});
    }
    offset = piece->end();
  }
  return {};
}

Result<void> FlattenedSource::read(std::uint64_t offset, MutableBytes out) const {
  if (!contains(size(), offset, out.size())) return past_end(*this, offset, out.size());
  if (damage_) PANICROOM_CHECK(check_written(offset, out.size()));
  for (auto piece = piece_at(offset); !out.empty();) {
    std::size_t count = 0;
    if (offset < piece->begin) {
      count = static_cast<std::size_t>(std::min<std::uint64_t>(piece->begin - offset, out.size()));
      std::memset(out.data(), 0, count);
    } else {
      count = static_cast<std::size_t>(std::min<std::uint64_t>(piece->end() - offset, out.size()));
      PANICROOM_CHECK(stream_->read(piece->place + (offset - piece->begin), out.first(count)));
      ++piece;
    }
    offset += count;
    out = out.subspan(count);
  }
  return {};
}

Bytes FlattenedSource::view(std::uint64_t offset, std::uint64_t length) const {
  if (!contains(size(), offset, length)) return {};
  const auto piece = piece_at(offset);
  if (piece == pieces_.end() || offset < piece->begin || length > piece->end() - offset) return {};
  return stream_->view(piece->place + (offset - piece->begin), length);
}

/// What one pass over the record headers finds.
struct Records {
  std::vector<Piece> pieces;
  std::optional<Note> damage;  // no end mark was reached, and why
};

Result<Records> read_records(const ByteSource& stream, const Progress& progress) {
  Records found;
  const std::uint64_t size = stream.size();
  const auto stop = [&](ErrorCode code, std::uint64_t at, std::string text) {
    found.damage = Note{code, std::move(text), at};
  };
  std::uint64_t at = kHeaderSize;
  unsigned empty = 0;  // records of no bytes, one after another
  for (std::uint64_t count = 0;; ++count) {
    if (count % 4096 == 0 && progress && !progress(std::min(at, size), size)) return cancelled();
    std::byte header[kRecordHeaderSize];
    if (!contains(size, at, kRecordHeaderSize)) {
      stop(ErrorCode::not_in_dump, size,
           "the flattened dump is truncated: the file ends before the stream's end mark");
      break;
    }
    PANICROOM_CHECK(stream.read(at, header));
    const auto begin = load<std::uint64_t>(header, std::endian::big);
    const auto length = load<std::uint64_t>(header + 8, std::endian::big);
    if (begin == kEndMark) break;
    // In zeros that nobody wrote, records of nothing would have no end.
    empty = length == 0 ? empty + 1 : 0;
    if (empty == kMostEmpty) {
      stop(ErrorCode::corrupt, at,
           "the flattened dump is damaged: zeros where records were expected; what follows them in "
           "the stream is lost");
      break;
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (begin > kMost || length > kMost - begin) {
      stop(ErrorCode::corrupt, at,
           fmt::format("the flattened dump is damaged: a record claims {:#x} bytes at {:#x}; what "
                       "follows it in the stream is lost",
                       length, begin));
      break;
    }
    const std::uint64_t place = at + kRecordHeaderSize;
    const std::uint64_t here = std::min(length, size - place);
    if (here != 0) append(found.pieces, {begin, here, place});
    if (found.pieces.size() > kMostRecords)
      return fail_at_offset(
          ErrorCode::unsupported, at,
          "the flattened stream has more than 16 million records: rebuild it with "
          "makedumpfile -R first");
    at = place + length;  // cannot wrap: both are below 2^63
  }
  return found;
}

}  // namespace

bool is_flattened(Bytes magic) {
  // The name is padded to 16 bytes with zeros.
  if (magic.size() < kMagicSize) return false;
  return std::memcmp(magic.data(), kSignature.data(), kSignature.size()) == 0 &&
         magic[kSignature.size()] == std::byte{0};
}

Result<Layer> open_flattened(SourcePtr stream, const Progress& progress) {
  std::byte header[32];
  PANICROOM_CHECK(stream->read(0, header));
  const auto type = load<std::uint64_t>(header + 16, std::endian::big);
  const auto version = load<std::uint64_t>(header + 24, std::endian::big);
  if (type != 1 || version != 1) {
    return fail_at_offset(
        ErrorCode::unsupported, 16,
        fmt::format("a flattened stream of type {} version {}; only 1 and 1 are known", type,
                    version));
  }
  PANICROOM_TRY(found, read_records(*stream, progress));
  Layer layer;
  if (found.damage) layer.remarks.push_back(*found.damage);
  if (found.pieces.empty()) {
    return fail_at_offset(
        ErrorCode::corrupt, kHeaderSize,
        found.damage ? found.damage->text : "the flattened stream holds no bytes");
  }
  layer.source = std::make_shared<FlattenedSource>(
      std::move(stream), resolve(std::move(found.pieces)), std::move(found.damage));
  return layer;
}

}  // namespace panicroom
