#pragma once

#include <cstdint>

namespace panicroom {

/// The largest power of two, at most 1 GiB, whose aligned block around `virtual_address` lies
/// within [start, last] and is shifted by `physical - virtual` as a whole: what a linear rule may
/// call its page size. At least 1.
std::uint64_t linear_page_size(std::uint64_t virtual_address, std::uint64_t physical,
                               std::uint64_t start, std::uint64_t last);

/// The largest power of two, at most `size`, whose aligned block around `virtual_address`, which
/// lies outside of [start, last], has nothing of that range: what may be called the size of a page
/// for which another rule is asked first. At least 1.
std::uint64_t page_size_beside(std::uint64_t virtual_address, std::uint64_t size,
                               std::uint64_t start, std::uint64_t last);

}  // namespace panicroom
