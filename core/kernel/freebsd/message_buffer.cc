#include "core/kernel/freebsd/message_buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/kernel/freebsd/evidence.h"
#include "core/kernel/log_limit.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint32_t message_magic = 0x063062;     // sys/sys/msgbuf.h, MSG_MAGIC
constexpr std::uint64_t largest_buffer = 64U << 20U;  // bytes; kern.msgbufsize is far below

/// The ring's bytes in order of writing, NULs dropped.
std::string unrolled(std::span<const std::byte> ring, std::uint64_t next_write) {
  std::string text;
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

/// struct msgbuf (sys/sys/msgbuf.h): char *msg_ptr; u_int msg_magic, msg_size, msg_wseq, msg_rseq,
/// ...
Result<std::string> through_msgbufp(const Dump& dump, AddressSpace& kernel,
                                    const SymbolTable* symbols) {
  PANICROOM_TRY(header, variable(kernel, symbols, "msgbufp", kernel.machine().pointer_size));
  if (header == 0)
    return fail(ErrorCode::corrupt, "msgbufp is null: the message buffer was not set up yet");
  const std::uint64_t after_pointer = header + kernel.machine().pointer_size;
  PANICROOM_TRY(text, kernel.word(header));
  PANICROOM_TRY(magic, kernel.u32(after_pointer));
  PANICROOM_TRY(size, kernel.u32(after_pointer + 4));
  PANICROOM_TRY(written, kernel.u32(after_pointer + 8));
  if (magic != message_magic)
    return fail_at_address(
        ErrorCode::corrupt, after_pointer,
        fmt::format("the message buffer's magic is {:#x}, expected {:#x}", magic, message_magic));
  if (size == 0 || size > std::min(largest_buffer, present_bytes(*dump.memory)))
    return fail_at_address(ErrorCode::corrupt, after_pointer + 4,
                           fmt::format("the message buffer's size is {}", size));
  std::vector<std::byte> ring(size);
  PANICROOM_CHECK(kernel.read(text, ring));
  return unrolled(ring, written);
}

/// The copy in a minidump is the bare ring. Where it has wrapped, the place of the next write is
/// not in it.
Result<std::string> from_region(const Dump& dump, Notes& notes) {
  const auto& [offset, size] = *dump.message_buffer;
  PANICROOM_TRY(ring, read_bytes(*dump.minidump->file, offset, size, largest_buffer));
  if (ring.empty()) return std::string();
  if (ring.back() != std::byte{0})
    notes.add(Note{ErrorCode::no_symbol,
                   "the message buffer has wrapped and the place of its oldest line is not known "
                   "without the kernel "
                   "file: the first lines may be the newest",
                   offset});
  return unrolled(ring, 0);
}

/// "<118>text": the kernel puts the priority before each line of its own.
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

Result<void> read_message_buffer(const Dump& dump, AddressSpace* kernel, const SymbolTable* symbols,
                                 const LogVisitor& visit_all, Notes& notes) {
  const LogVisitor visit = at_most_log_lines(visit_all, notes);
  Result<std::string> text =
      fail(ErrorCode::no_symbol, "the message buffer cannot be found without the kernel file");
  if (kernel) text = through_msgbufp(dump, *kernel, symbols);
  if (!text && dump.minidump && dump.message_buffer) {
    if (text.error().code != ErrorCode::no_symbol) notes.add(text.error());
    text = from_region(dump, notes);
  }
  if (!text) return Failure(text.error());
  if (text->empty())
    notes.add(
        Note{ErrorCode::not_in_dump, "the message buffer holds nothing but zeros", std::nullopt});
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (!visit(parse_line(rest.substr(0, end)))) break;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

}  // namespace panicroom::freebsd
