#pragma once

#include <cstdint>
#include <stdexcept>

#include "tests/foundry/image.h"

namespace foundry {

/// Hands out virtual addresses for kernel objects, 16-byte aligned.
class Heap {
 public:
  explicit Heap(Range range) : next_(range.start), end_(range.end) {}

  std::uint64_t take(std::uint64_t size) { return take_aligned(size, 16); }
  std::uint64_t take_aligned(std::uint64_t size, std::uint64_t alignment) {
    const std::uint64_t at = (next_ + alignment - 1) / alignment * alignment;
    if (at + size > end_) throw std::runtime_error("the description's heap is too small");
    next_ = at + size;
    return at;
  }

 private:
  std::uint64_t next_, end_;
};

}  // namespace foundry
