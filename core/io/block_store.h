#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.h"

namespace panicroom {

/// Keeps decoded blocks of a stream in bounded memory, compressed with snappy, zero blocks as
/// nothing. The first blocks stay for good, up to a budget; later ones come and go, the least
/// recently used first.
class BlockStore {
 public:
  /// Bytes of memory for the first blocks and for the others.
  BlockStore(std::uint64_t first_budget, std::uint64_t others_budget)
      : first_budget_(first_budget), others_budget_(others_budget) {}

  /// Keeps the block after those kept so far for good; false, now and ever after, when the budget
  /// is used up.
  bool keep_next(Bytes block);
  /// True while the budget for the first blocks is more than seven eighths used.
  bool nearly_full() const { return first_used_ > first_budget_ - first_budget_ / 8; }
  void keep(std::uint64_t number, Bytes block);
  /// Fills `block` (of the length it had); false when the block is not here.
  bool load(std::uint64_t number, MutableBytes block);

  std::uint64_t first_count() const { return first_.size(); }

 private:
  struct Packed {
    std::unique_ptr<char[]> bytes;  // none: all zero
    std::uint32_t size = 0;
    std::uint64_t cost() const { return sizeof(Packed) + size; }
  };
  struct Other {
    std::uint64_t number;
    Packed packed;
  };
  static constexpr std::uint64_t kOtherOverhead = 96;  // the list's and the map's nodes

  Packed pack(Bytes block);
  static bool unpack(const Packed& packed, MutableBytes block);

  std::vector<Packed> first_;
  std::uint64_t first_budget_;
  std::uint64_t first_used_ = 0;
  bool first_full_ = false;
  std::list<Other> others_;  // most recently used first
  std::unordered_map<std::uint64_t, std::list<Other>::iterator> by_number_;
  std::uint64_t others_budget_;
  std::uint64_t others_used_ = 0;
  std::vector<char> scratch_;
};

}  // namespace panicroom
