#include "core/io/block_store.h"

#include <snappy.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace panicroom {

BlockStore::Packed BlockStore::pack(Bytes block) {
  Packed packed;
  // All zero when the first byte is and each equals the one before it.
  if (block.empty() || (block[0] == std::byte{0} &&
                        std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0))
    return packed;
  scratch_.resize(snappy::MaxCompressedLength(block.size()));
  std::size_t length = 0;
  snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(), scratch_.data(),
                      &length);
  packed.bytes = std::make_unique<char[]>(length);
  packed.size = static_cast<std::uint32_t>(length);
  std::memcpy(packed.bytes.get(), scratch_.data(), length);
  return packed;
}

bool BlockStore::unpack(const Packed& packed, MutableBytes block) {
  if (!packed.bytes) {
    std::fill(block.begin(), block.end(), std::byte{0});
    return true;
  }
  std::size_t length = 0;
  return snappy::GetUncompressedLength(packed.bytes.get(), packed.size, &length) &&
         length == block.size() &&
         snappy::RawUncompress(packed.bytes.get(), packed.size,
                               reinterpret_cast<char*>(block.data()));
}

bool BlockStore::keep_next(Bytes block) {
  if (first_full_) return false;
  Packed packed = pack(block);
  if (packed.cost() > first_budget_ - first_used_) {
    first_full_ = true;
    return false;
  }
  first_used_ += packed.cost();
  first_.push_back(std::move(packed));
  return true;
}

void BlockStore::keep(std::uint64_t number, Bytes block) {
  if (number < first_.size() || by_number_.contains(number)) return;
  Packed packed = pack(block);
  others_used_ += packed.cost() + kOtherOverhead;
  others_.push_front({number, std::move(packed)});
  by_number_[number] = others_.begin();
  while (others_used_ > others_budget_ && !others_.empty()) {
    const Other& oldest = others_.back();
    others_used_ -= oldest.packed.cost() + kOtherOverhead;
    by_number_.erase(oldest.number);
    others_.pop_back();
  }
}

bool BlockStore::load(std::uint64_t number, MutableBytes block) {
  if (number < first_.size()) return unpack(first_[static_cast<std::size_t>(number)], block);
  const auto found = by_number_.find(number);
  if (found == by_number_.end()) return false;
  others_.splice(others_.begin(), others_, found->second);
  return unpack(found->second->packed, block);
}

}  // namespace panicroom
