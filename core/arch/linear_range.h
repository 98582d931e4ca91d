#pragma once

#include <cstdint>

namespace panicroom {

/// The largest power of two, at most 1 GiB, whose aligned block around `virtual_address` lies
/// within [start, last] and is shifted by `physical - virtual` as a whole: what a linear rule may
/// call its page size. At least 1.
std::uint64_t linear_page_size(std::uint64_t virtual_address, std::uint64_t physical,
                               std::uint64_t start, std::uint64_t last);

}  // namespace panicroom
