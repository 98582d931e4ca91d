#include "core/io/bzip2.h"

#include <bzlib.h>
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <vector>

namespace panicroom {
namespace {

// The format as bzip2's own documentation of it and bzip2recover have it.
constexpr unsigned magic_bits = 48;
constexpr std::uint64_t magic_mask = (std::uint64_t{1} << magic_bits) - 1;
constexpr std::uint64_t block_magic = 0x314159265359;
constexpr std::uint64_t end_magic = 0x177245385090;
constexpr std::size_t piece_size = std::size_t{64} << 10;

/// Puts bits one behind the other, the highest of a byte first.
class BitWriter {
 public:
  void add(std::uint64_t value, unsigned count) {
    while (count != 0) {
      const unsigned room = 8 - used_;
      const unsigned now = std::min(room, count);
      const auto part = static_cast<unsigned>(value >> (count - now)) & ((1U << now) - 1);
      if (used_ == 0) bytes_.push_back(0);
      bytes_.back() =
          static_cast<char>(static_cast<unsigned char>(bytes_.back()) | (part << (room - now)));
      used_ = (used_ + now) % 8;
      count -= now;
    }
  }
  std::vector<char>& bytes() { return bytes_; }

 private:
  std::vector<char> bytes_;
  unsigned used_ = 0;  // bits of the last byte, 0 for all
};

/// A stream of this block alone.
std::vector<char> stream_of(Bytes stored, unsigned first, std::uint64_t bits) {
  BitWriter out;
  out.bytes().reserve(stored.size() + 16);
  // Of the largest blocks, whatever the stream's are.
  for (const char letter : {'B', 'Z', 'h', '9'}) out.add(static_cast<unsigned char>(letter), 8);
  const auto byte = [&stored](std::uint64_t index) {
    return index < stored.size()
               ? std::to_integer<unsigned>(stored[static_cast<std::size_t>(index)])
               : 0U;
  };
  const auto eight_at = [&](std::uint64_t index) {
    return (byte(index) << 8U | byte(index + 1)) >> (8 - first) & 0xffU;
  };
  for (std::uint64_t index = 0; index < bits / 8; ++index)
    out.bytes().push_back(static_cast<char>(eight_at(index)));
  if (const auto rest = static_cast<unsigned>(bits % 8); rest != 0)
    out.add(eight_at(bits / 8) >> (8 - rest), rest);
  std::uint64_t checksum = 0;  // the block's, which follows its magic number
  for (std::uint64_t index = magic_bits / 8; index < magic_bits / 8 + 4; ++index)
    checksum = checksum << 8U | eight_at(index);
  out.add(end_magic, magic_bits);
  out.add(checksum, 32);
  return std::move(out.bytes());
}

struct Decompressor {
  Decompressor() {
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Decompressor() { BZ2_bzDecompressEnd(&stream); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  bz_stream stream{};
};

Failure damaged(std::string_view why) {
  return fail(ErrorCode::corrupt, fmt::format("a block of the bzip2 data is damaged: {}", why));
}

}  // namespace

void Bzip2Marks::add(Bytes piece, const Visitor& visit) {
  for (const std::byte next : piece) {
    window_ = window_ << 8U | std::to_integer<std::uint64_t>(next);
    ++size_;
    for (unsigned shift = 8; shift-- != 0;) {
      const std::uint64_t number = window_ >> shift & magic_mask;
      if (number != block_magic && number != end_magic) continue;
      const std::uint64_t end = size_ * 8 - shift;
      if (end >= magic_bits) visit(end - magic_bits, number == block_magic);
    }
  }
}

Result<void> decode_bzip2_block(Bytes stored, unsigned first, std::uint64_t bits,
                                const std::function<bool(Bytes piece)>& visit) {
  if (first > 7 || bits < magic_bits + 32 || bits > most_bzip2_block * 8 ||
      (first + bits + 7) / 8 > stored.size())
    return damaged(fmt::format("it has {} bits", bits));
  std::vector<char> input = stream_of(stored, first, bits);
  std::vector<std::byte> piece(piece_size);
  Decompressor decompressor;
  bz_stream& stream = decompressor.stream;
  stream.next_in = input.data();
  stream.avail_in = static_cast<unsigned>(input.size());
  for (;;) {
    stream.next_out = reinterpret_cast<char*>(piece.data());
    stream.avail_out = static_cast<unsigned>(piece.size());
    const int answer = BZ2_bzDecompress(&stream);
    if (answer == BZ_MEM_ERROR) throw std::bad_alloc();
    if (answer != BZ_OK && answer != BZ_STREAM_END)
      return damaged("its codes or its checksum are wrong");
    const std::size_t made = piece.size() - stream.avail_out;
    if (made != 0 && !visit(Bytes(piece).first(made))) return {};
    if (answer == BZ_STREAM_END) return {};
    if (made == 0 && stream.avail_in == 0) return damaged("it ends early");
  }
}

}  // namespace panicroom
