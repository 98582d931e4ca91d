#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/memory/address_space.h"

namespace panicroom {

/// Gets a stretch of virtual memory: the address of its first byte and its bytes, valid during the
/// call. Answers false to stop the scan.
using StretchVisitor = std::function<bool(std::uint64_t address, Bytes bytes)>;

/// Shows what can be read of [start, end) in ascending stretches of at most 256 KiB and `overlap`
/// bytes. A stretch that goes on where another ended repeats that one's last `overlap` bytes, so
/// that no pattern of up to overlap + 1 bytes is missed. It reads no more bytes than the dump holds
/// of memory: page tables may show the same page at any number of addresses, a kernel's image does
/// not. Answers why part of it is missing: the first `corrupt` error (a damaged page, or that the
/// scan ended before `end`), else the first `not_in_dump` one (a hole is none).
std::optional<Error> scan_mapped(AddressSpace& space, std::uint64_t start, std::uint64_t end,
                                 std::size_t overlap, const StretchVisitor& visit);

}  // namespace panicroom
