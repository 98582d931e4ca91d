#include "core/dump/page_bitmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr unsigned words_per_block = 8;
constexpr std::uint64_t bits_per_block = 64ULL * words_per_block;
constexpr std::uint64_t bits_per_chunk = std::uint64_t{1} << PageBits::chunk_shift;
constexpr std::uint64_t bytes_per_chunk = bits_per_chunk / 8;

std::uint64_t set_bits(std::uint64_t word) {
  return static_cast<std::uint64_t>(std::popcount(word));
}

void swap_words(MutableBytes bytes) {
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + 8));
}

}  // namespace

Result<PageBits> PageBits::read(const SourcePtr& source, std::uint64_t offset, std::uint64_t bits,
                                BitmapWords words, std::uint64_t limit) {
  const std::uint64_t unit = words == BitmapWords::bytes ? 1 : 8;
  const std::uint64_t wanted = bits / (unit * 8) * unit + (bits % (unit * 8) != 0 ? unit : 0);
  const std::uint64_t left = offset < source->size() ? source->size() - offset : 0;
  const std::uint64_t have = std::min(wanted, left / unit * unit);

  PageBits result;
  result.size_ = bits;
  result.in_file_ = have == wanted ? bits : have * 8;
  if (have == 0) return result;
  if (words == BitmapWords::bytes) result.mapped_ = source->view(offset, have);
  if (result.mapped_.empty()) {
    PANICROOM_CHECK(result.copy(*source, offset, have, words, limit));
  } else {
    result.source_ = source;
    result.offset_ = offset;
  }
  return result;
}

Result<void> PageBits::copy(const ByteSource& source, std::uint64_t offset, std::uint64_t length,
                            BitmapWords words, std::uint64_t limit) {
  for (std::uint64_t at = 0; at < length;) {
    const std::uint64_t stored = source.next_stored(offset + at);
    if (stored - offset >= length) break;
    at = round_down(stored - offset, bytes_per_chunk);
    const std::uint64_t size = std::min(bytes_per_chunk, length - at);
    auto chunk = std::make_unique<std::byte[]>(bytes_per_chunk);
    const MutableBytes bytes(chunk.get(), static_cast<std::size_t>(size));
    PANICROOM_CHECK(source.read(offset + at, bytes));
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; })) {
      copied_ += bytes_per_chunk;
      if (copied_ > limit)
        return fail_at_offset(ErrorCode::unsupported, offset,
                              fmt::format("the bitmap of pages has {} bytes, of which more than {} "
                                          "MiB would have to be kept in memory: take off what the "
                                          "dump is wrapped in and open it with the native program",
                                          length, limit >> 20));
      if (words == BitmapWords::big_endian_64) swap_words(bytes);
      chunks_.resize(static_cast<std::size_t>(at / bytes_per_chunk) + 1);
      chunks_.back() = std::move(chunk);
    }
    at += size;
  }
  return {};
}

std::uint64_t PageBits::last_word(std::uint64_t at) const {
  std::uint64_t value = 0;
  for (std::uint64_t i = at; i < mapped_.size(); ++i)
    value |= std::to_integer<std::uint64_t>(mapped_[static_cast<std::size_t>(i)]) << ((i - at) * 8);
  return value;
}

std::uint64_t PageBits::next_stored_word(std::uint64_t index) const {
  const std::uint64_t beyond = in_file_ / 64 + 1;
  if (index >= beyond) return index;
  if (!mapped_.empty()) {
    const std::uint64_t stored = source_->next_stored(offset_ + index * 8);
    return std::min(std::max(index, (stored - offset_) / 8), beyond);
  }
  std::uint64_t chunk = index / words_per_chunk;
  if (chunk < chunks_.size() && chunks_[static_cast<std::size_t>(chunk)]) return index;
  while (chunk < chunks_.size() && !chunks_[static_cast<std::size_t>(chunk)]) ++chunk;
  return chunk < chunks_.size() ? chunk * words_per_chunk : beyond;
}

void PageBits::done_with_words(std::uint64_t index, std::uint64_t count) const {
  if (mapped_.empty() || index * 8 >= mapped_.size()) return;
  source_->done_with(offset_ + index * 8,
                     std::min<std::uint64_t>(count * 8, mapped_.size() - index * 8));
}

std::uint64_t PageBits::run_end(std::uint64_t bit, std::uint64_t limit) const {
  if (bit >= in_file_) return limit;
  const bool set = test(bit);
  const std::uint64_t stop = std::min(limit, in_file_);
  std::uint64_t index = bit / 64;
  std::uint64_t others = (set ? ~word(index) : word(index)) & (~std::uint64_t{0} << (bit % 64));
  while (others == 0) {
    ++index;
    if (!set && index % words_per_chunk == 0) index = next_stored_word(index);
    if (index * 64 >= stop) return set ? stop : limit;
    others = set ? ~word(index) : word(index);
  }
  const std::uint64_t end = index * 64 + static_cast<std::uint64_t>(std::countr_zero(others));
  if (end < stop) return end;
  return set ? stop : limit;
}

RankedPageBits::RankedPageBits(PageBits bits) : bits_(std::move(bits)) {
  const std::uint64_t in_file = bits_.bits_in_file();
  chunks_.resize(static_cast<std::size_t>((in_file >> PageBits::chunk_shift) + 1));
  std::uint64_t stored = 0;  // the first chunk that may have a set bit
  for (std::uint64_t number = 0; number < chunks_.size(); ++number) {
    Chunk& chunk = chunks_[static_cast<std::size_t>(number)];
    chunk.before = count_;
    if (number < stored) continue;
    const std::uint64_t word = number * PageBits::words_per_chunk;
    stored = bits_.next_stored_word(word) / PageBits::words_per_chunk;
    const std::uint64_t first = number << PageBits::chunk_shift;
    if (number < stored || first >= in_file) continue;
    const std::uint64_t length = std::min(bits_per_chunk, in_file - first);
    const std::size_t blocks = blocks_.size();
    index_chunk(word, length);
    const std::uint64_t set = count_ - chunk.before;
    if (set == 0 || set == length) blocks_.resize(blocks);
    if (set != 0) chunk.blocks = set == length ? all_set : static_cast<std::uint32_t>(blocks);
    bits_.done_with_words(word, PageBits::words_per_chunk);
  }
}

void RankedPageBits::index_chunk(std::uint64_t first_word, std::uint64_t bits) {
  const std::uint64_t before = count_;
  for (std::uint64_t bit = 0; bit < bits; bit += bits_per_block) {
    Block block;
    block.before = count_ - before;
    for (unsigned i = 0; i < words_per_block; ++i) {
      if (i != 0) block.within |= (count_ - before - block.before) << (9 * (i - 1));
      const std::uint64_t at = bit + std::uint64_t{i} * 64;
      if (at >= bits) continue;
      std::uint64_t word = bits_.word(first_word + at / 64);
      if (bits - at < 64) word &= (std::uint64_t{1} << (bits - at)) - 1;
      count_ += set_bits(word);
    }
    blocks_.push_back(block);
  }
}

std::uint64_t RankedPageBits::rank(std::uint64_t bit) const {
  if (bit >= bits_.bits_in_file()) return count_;
  const Chunk& chunk = chunks_[static_cast<std::size_t>(bit >> PageBits::chunk_shift)];
  const std::uint64_t in_chunk = bit % bits_per_chunk;
  if (chunk.blocks == all_clear) return chunk.before;
  if (chunk.blocks == all_set) return chunk.before + in_chunk;
  const Block& block = blocks_[chunk.blocks + static_cast<std::size_t>(in_chunk / bits_per_block)];
  const std::uint64_t index = bit / 64;
  // Word 0 of a block shifts by 63, where `within` has a zero.
  const unsigned shift = 9 * static_cast<unsigned>((index - 1) % words_per_block);
  const std::uint64_t below = (std::uint64_t{1} << (bit % 64)) - 1;
  return chunk.before + block.before + ((block.within >> shift) & 0x1ff) +
         set_bits(bits_.word(index) & below);
}

}  // namespace panicroom
