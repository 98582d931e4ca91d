#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"
#include "core/kernel/linux/log.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t longest_log = std::uint64_t{64} << 20U;  // CONFIG_LOG_BUF_SHIFT ends at 25

struct Buffer {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

Result<Buffer> log_buffer(Evidence& evidence) {
  Buffer buffer;
  PANICROOM_TRY(variable, evidence.address_of("log_buf"));
  PANICROOM_TRY(address, evidence.memory().word(variable));
  PANICROOM_TRY(size, evidence.variable("log_buf_len", 4));
  if (size == 0 || size > std::min(longest_log, evidence.memory_present()))
    return fail_at_address(ErrorCode::corrupt, address,
                           fmt::format("the log buffer has an impossible size: {} bytes", size));
  buffer.address = address;
  buffer.size = size;
  return buffer;
}

/// Offset of a member of struct printk_log (struct log before Linux 3.11).
Result<std::uint64_t> offset_of(Evidence& evidence, std::string_view member) {
  if (const Vmcoreinfo* info = evidence.vmcoreinfo())
    for (const std::string_view structure : {"printk_log", "log"})
      if (const auto offset = info->offset(fmt::format("{}.{}", structure, member))) return *offset;
  PANICROOM_TRY(found, evidence.member("printk_log", member));
  return found.offset;
}

/// Where the records' header ends and the text begins.
Result<std::uint64_t> header_size(Evidence& evidence) {
  if (const Vmcoreinfo* info = evidence.vmcoreinfo())
    for (const std::string_view structure : {"printk_log", "log"})
      if (const auto size = info->size(structure)) return *size;
  PANICROOM_TRY(types, evidence.types());
  return types->size_of("printk_log");
}

}  // namespace

Result<void> read_log_records(Evidence& evidence, const LogVisitor& visit, Notes& notes) {
  AddressSpace& memory = evidence.memory();
  PANICROOM_TRY(buffer, log_buffer(evidence));
  PANICROOM_TRY(first, evidence.variable("log_first_idx", 4));
  PANICROOM_TRY(next, evidence.variable("log_next_idx", 4));
  PANICROOM_TRY(time_offset, offset_of(evidence, "ts_nsec"));
  PANICROOM_TRY(length_offset, offset_of(evidence, "len"));
  PANICROOM_TRY(text_offset, offset_of(evidence, "text_len"));
  PANICROOM_TRY(header, header_size(evidence));
  if (first >= buffer.size || next > buffer.size || header == 0 || header > 256)
    return fail_at_address(ErrorCode::corrupt, buffer.address,
                           "the log's indexes leave its buffer");

  const auto cyclic = [&buffer] {
    return fail_at_address(ErrorCode::corrupt, buffer.address, "the log's records are a cycle");
  };
  std::uint64_t at = first;
  std::uint64_t walked = 0;
  bool wrapped = false;
  while (at != next) {
    PANICROOM_TRY(length, memory.u16(buffer.address + at + length_offset));
    if (length == 0) {  // the rest did not fit: the next one is at the buffer's start
      if (at == 0) return {};
      if (std::exchange(wrapped, true)) return cyclic();
      at = 0;
      continue;
    }
    PANICROOM_TRY(text_length, memory.u16(buffer.address + at + text_offset));
    if (length < header || !contains(length, header, text_length) ||
        !contains(buffer.size, at, length))
      return fail_at_address(ErrorCode::corrupt, buffer.address + at,
                             "a log record has an impossible length");
    walked += length;
    if (walked > buffer.size) return cyclic();
    LogLine record;
    PANICROOM_TRY(time, memory.u64(buffer.address + at + time_offset));
    record.time_ns = time;
    // u16 text_len, u16 dict_len, u8 facility, u8 flags:5, level:3 (kernel/printk/printk.c).
    const auto level = memory.u8(buffer.address + at + text_offset + 5);
    if (level) record.level = *level >> 5U;
    record.address = buffer.address + at + header;
    record.text.resize(text_length);
    const MutableBytes text(reinterpret_cast<std::byte*>(record.text.data()), record.text.size());
    if (const auto read = memory.read(buffer.address + at + header, text); !read)
      notes.add(read.error().within("log records are missing"));
    else if (!visit_lines(record, visit))
      return {};
    at += length;
  }
  return {};
}

Result<void> read_log_text(Evidence& evidence, const LogVisitor& visit) {
  PANICROOM_TRY(buffer, log_buffer(evidence));
  PANICROOM_TRY(end, evidence.variable("log_end", 4));
  // log_end counts every byte ever written; logged_chars those since the buffer was last cleared.
  std::uint64_t length = std::min(end, buffer.size);
  if (const auto logged = evidence.variable("logged_chars", 4)) length = std::min(length, *logged);
  if (!is_power_of_two(buffer.size))
    return fail_at_address(ErrorCode::corrupt, buffer.address,
                           "the log buffer's size is no power of two");
  std::vector<std::byte> whole(static_cast<std::size_t>(buffer.size));
  PANICROOM_CHECK(evidence.memory().read(buffer.address, whole));
  std::string line;
  for (std::uint64_t i = end - length; i != end; ++i) {
    const char byte = static_cast<char>(whole[static_cast<std::size_t>(i & (buffer.size - 1))]);
    if (byte != '\n') {
      line += byte;
      continue;
    }
    if (!visit(parse_plain_line(line))) return {};
    line.clear();
  }
  if (!line.empty()) visit(parse_plain_line(line));
  return {};
}

}  // namespace panicroom::linux_kernel
