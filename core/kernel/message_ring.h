#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/kernel/kernel.h"
#include "core/kernel/structures.h"

namespace panicroom {

/// Larger than any kernel's message buffer, bytes.
constexpr std::uint64_t largest_message_ring = 64U << 20U;

/// A ring's bytes in order of writing, NULs dropped: `next_write` is where the next byte goes,
/// modulo the ring's size.
std::string unrolled(std::span<const std::byte> ring, std::uint64_t next_write);

/// The text of the ring of `size` bytes at `address`. Errors: `corrupt` for a size that no ring
/// has, those of a read.
Result<std::string> read_message_ring(Structures& structures, std::uint64_t address,
                                      std::uint64_t size, std::uint64_t next_write);

/// The copy of the ring in a minidump, which is the bare ring: where it has wrapped, the place of
/// the next write is not in it, and a note says so.
Result<std::string> ring_in_minidump(const Dump& dump, Notes& notes);

/// The lines of a message buffer's text; "<118>text" is a line with its syslog priority. A text
/// without a line gets a note.
void visit_message_lines(std::string_view text, const LogVisitor& visit, Notes& notes);

}  // namespace panicroom
