#include "core/kernel/message_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/kernel/log_limit.h"

namespace panicroom {
namespace {

/// The kernel puts the priority before each line of its own.
LogLine parse_line(std::string_view line) {
  LogLine parsed;
  if (line.starts_with('<')) {
    unsigned priority = 0;
    const auto [end, error] = std::from_chars(line.data() + 1, line.data() + line.size(), priority);
    if (error == std::errc{} && end != line.data() + line.size() && *end == '>') {
      parsed.level = static_cast<int>(priority & 7U);
      line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
    }
  }
  parsed.text = line;
  return parsed;
}

}  // namespace

std::string unrolled(std::span<const std::byte> ring, std::uint64_t next_write) {
  std::string text;
  if (ring.empty()) return text;
  text.reserve(ring.size());
  const auto append = [&](std::span<const std::byte> part) {
    for (const std::byte byte : part)
      if (byte != std::byte{0}) text += static_cast<char>(byte);
  };
  const auto at = static_cast<std::size_t>(next_write % ring.size());
  append(ring.subspan(at));
  append(ring.first(at));
  return text;
}

Result<std::string> read_message_ring(Structures& structures, std::uint64_t address,
                                      std::uint64_t size, std::uint64_t next_write) {
  if (size == 0 || size > std::min(largest_message_ring, structures.memory_present()))
    return fail_at_address(ErrorCode::corrupt, address,
                           fmt::format("the message buffer's size is {}", size));
  std::vector<std::byte> ring(static_cast<std::size_t>(size));
  PANICROOM_CHECK(structures.memory().read(address, ring));
  return unrolled(ring, next_write);
}

Result<std::string> ring_in_minidump(const Dump& dump, Notes& notes) {
  const auto& [offset, size] = *dump.message_buffer;
  PANICROOM_TRY(ring, read_bytes(*dump.minidump->file, offset, size, largest_message_ring));
  if (!ring.empty() && ring.back() != std::byte{0})
    notes.add(Note{ErrorCode::no_symbol,
                   "the message buffer has wrapped and the place of its oldest line is not known "
                   "without the kernel "
                   "file: the first lines may be the newest",
                   offset});
  return unrolled(ring, 0);
}

void visit_message_lines(std::string_view text, const LogVisitor& visit_all, Notes& notes) {
  const LogVisitor visit = at_most_log_lines(visit_all, notes);
  if (text.empty())
    notes.add(
        Note{ErrorCode::not_in_dump, "the message buffer holds nothing but zeros", std::nullopt});
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!visit(parse_line(text.substr(0, end)))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace panicroom
