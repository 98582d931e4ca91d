#include "core/dump/page_bitmap.h"

#include <algorithm>
#include <bit>

namespace panicroom {
namespace {

// A cache line of bits.
constexpr unsigned words_per_block = 8;
constexpr std::uint64_t bits_per_block = 64ULL * words_per_block;

std::uint64_t set_bits(std::uint64_t word) {
  return static_cast<std::uint64_t>(std::popcount(word));
}

void swap_words(std::vector<std::byte>& bytes) {
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + 8));
}

}  // namespace

Result<PageBits> PageBits::read(const SourcePtr& source, std::uint64_t offset, std::uint64_t bits,
                                BitmapWords words) {
  const std::uint64_t unit = words == BitmapWords::bytes ? 1 : 8;
  const std::uint64_t wanted = bits / (unit * 8) * unit + (bits % (unit * 8) != 0 ? unit : 0);
  const std::uint64_t left = offset < source->size() ? source->size() - offset : 0;
  const std::uint64_t have = std::min(wanted, left / unit * unit);

  PageBits result;
  result.size_ = bits;
  result.in_file_ = have == wanted ? bits : have * 8;
  if (have == 0) return result;
  if (words == BitmapWords::bytes) result.bytes_ = source->view(offset, have);
  if (!result.bytes_.empty()) {
    result.source_ = source;
    return result;
  }
  PANICROOM_TRY(copy, read_bytes(*source, offset, have, have));
  if (words == BitmapWords::big_endian_64) swap_words(copy);
  result.copy_ = std::move(copy);
  result.bytes_ = result.copy_;
  return result;
}

std::uint64_t PageBits::last_word(std::uint64_t at) const {
  std::uint64_t value = 0;
  for (std::uint64_t i = at; i < bytes_.size(); ++i)
    value |= std::to_integer<std::uint64_t>(bytes_[static_cast<std::size_t>(i)]) << ((i - at) * 8);
  return value;
}

std::uint64_t PageBits::run_end(std::uint64_t bit, std::uint64_t limit) const {
  if (bit >= in_file_) return limit;
  const bool set = test(bit);
  const std::uint64_t stop = std::min(limit, in_file_);
  std::uint64_t index = bit / 64;
  std::uint64_t others = (set ? ~word(index) : word(index)) & (~std::uint64_t{0} << (bit % 64));
  while (others == 0) {
    ++index;
    if (index * 64 >= stop) return set ? stop : limit;
    others = set ? ~word(index) : word(index);
  }
  const std::uint64_t end = index * 64 + static_cast<std::uint64_t>(std::countr_zero(others));
  if (end < stop) return end;
  return set ? stop : limit;
}

RankedPageBits::RankedPageBits(PageBits bits) : bits_(std::move(bits)) {
  const std::uint64_t in_file = bits_.bits_in_file();
  blocks_.reserve(static_cast<std::size_t>(in_file / bits_per_block + 1));
  for (std::uint64_t bit = 0; bit < in_file; bit += bits_per_block) {
    Block block;
    block.before = count_;
    for (unsigned i = 0; i < words_per_block; ++i) {
      if (i != 0) block.within |= (count_ - block.before) << (9 * (i - 1));
      const std::uint64_t at = bit + std::uint64_t{i} * 64;
      if (at >= in_file) continue;
      std::uint64_t word = bits_.word(at / 64);
      if (in_file - at < 64) word &= (std::uint64_t{1} << (in_file - at)) - 1;
      count_ += set_bits(word);
    }
    blocks_.push_back(block);
  }
}

std::uint64_t RankedPageBits::rank(std::uint64_t bit) const {
  if (bit >= bits_.bits_in_file()) return count_;
  const Block& block = blocks_[static_cast<std::size_t>(bit / bits_per_block)];
  const std::uint64_t index = bit / 64;
  // Word 0 of a block shifts by 63, where `within` has a zero.
  const unsigned shift = 9 * static_cast<unsigned>((index - 1) % words_per_block);
  const std::uint64_t below = (std::uint64_t{1} << (bit % 64)) - 1;
  return block.before + ((block.within >> shift) & 0x1ff) + set_bits(bits_.word(index) & below);
}

}  // namespace panicroom
