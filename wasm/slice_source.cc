#include "wasm/slice_source.h"

#include <algorithm>
#include <cstring>

namespace panicroom {
namespace {

constexpr std::uint64_t widest_window = (std::uint64_t{16} << 20) / BlockCache::unit_size;

}  // namespace

BlockCache::Block& BlockCache::block(std::uint32_t file, std::uint64_t index) {
  const Key key{file, index};
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    blocks_.splice(blocks_.begin(), blocks_, found->second);
    return blocks_.front().second;
  }
  Block fresh;
  if (blocks_.size() >= most_blocks_) {
    fresh.bytes = std::move(blocks_.back().second.bytes);
    by_key_.erase(blocks_.back().first);
    blocks_.pop_back();
  } else {
    fresh.bytes = std::make_unique_for_overwrite<std::byte[]>(block_size);
  }
  blocks_.emplace_front(key, std::move(fresh));
  by_key_[key] = blocks_.begin();
  return blocks_.front().second;
}

bool BlockCache::holds(std::uint32_t file, std::uint64_t unit) const {
  const auto found = by_key_.find(Key{file, unit / units_per_block});
  return found != by_key_.end() &&
         (found->second->second.filled >> (unit % units_per_block) & 1u) != 0;
}

SliceSource::SliceSource(std::string name, std::uint64_t size, std::unique_ptr<SliceReader> reader,
                         std::shared_ptr<BlockCache> cache)
    : name_(std::move(name)),
      size_(size),
      cache_(std::move(cache)),
      file_(cache_->add_file()),
      reader_(std::move(reader)) {}

Result<void> SliceSource::read(std::uint64_t offset, MutableBytes out) const {
  if (offset > size_ || size_ - offset < out.size()) return past_end(*this, offset, out.size());
  while (!out.empty()) {
    const std::uint64_t index = offset / BlockCache::block_size;
    const std::size_t within = static_cast<std::size_t>(offset % BlockCache::block_size);
    const std::size_t length = std::min(out.size(), BlockCache::block_size - within);
    const std::uint64_t first = offset / BlockCache::unit_size;
    const std::uint64_t last = (offset + length - 1) / BlockCache::unit_size;
    // A filling ends at a unit that is held already, so that there may be several.
    for (std::uint64_t unit = first; unit <= last; ++unit)
      if (!cache_->holds(file_, unit)) PANICROOM_CHECK(fill(unit, last));
    std::memcpy(out.data(), cache_->block(file_, index).bytes.get() + within, length);
    out = out.subspan(length);
    offset += length;
  }
  return {};
}

// Reads units from `first_unit` up to at least `last_unit` or the first one that is held already.
Result<void> SliceSource::fill(std::uint64_t first_unit, std::uint64_t last_unit) const {
  const std::uint64_t units_in_file = (size_ + BlockCache::unit_size - 1) / BlockCache::unit_size;
  const bool sequential = first_unit == next_unit_ && first_unit != 0;
  window_ = sequential ? std::min(window_ * 2, widest_window) : 1;
  std::uint64_t end = std::max(last_unit + 1, first_unit + window_);
  // Half of the cache at most, so that the blocks of this slice do not push each other out.
  end = std::min(
      end, first_unit + std::uint64_t{cache_->most_blocks()} / 2 * BlockCache::units_per_block);
  end = std::min(end, units_in_file);
  for (std::uint64_t unit = first_unit + 1; unit < end; ++unit)
    if (cache_->holds(file_, unit)) end = unit;

  const std::uint64_t start_byte = first_unit * BlockCache::unit_size;
  const std::uint64_t end_byte = std::min(end * BlockCache::unit_size, size_);
  std::vector<MutableBytes> pieces;
  for (std::uint64_t at = start_byte; at < end_byte;) {
    BlockCache::Block& block = cache_->block(file_, at / BlockCache::block_size);
    const std::size_t within = static_cast<std::size_t>(at % BlockCache::block_size);
    const std::size_t length = static_cast<std::size_t>(
        std::min<std::uint64_t>(BlockCache::block_size - within, end_byte - at));
    pieces.emplace_back(block.bytes.get() + within, length);
    at += length;
  }
  PANICROOM_CHECK(reader_->read(start_byte, pieces));
  for (std::uint64_t unit = first_unit; unit < end; ++unit)
    cache_->block(file_, unit / BlockCache::units_per_block).filled |=
        1u << (unit % BlockCache::units_per_block);
  next_unit_ = end;
  return {};
}

}  // namespace panicroom
