#include "core/kernel/netbsd/message_buffer.h"

#include <fmt/format.h>

#include "core/kernel/message_ring.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t message_magic = 0x063061;  // MSG_MAGIC

}  // namespace

/// Five longs, the same since NetBSD 1: magic, where the next byte goes, where the next is read,
/// how many there are room for; then the text.
Result<void> read_message_buffer(Evidence& evidence, const LogVisitor& visit, Notes& notes) {
  PANICROOM_TRY(header, evidence.pointer("msgbufp"));
  if (header == 0)
    return fail(ErrorCode::corrupt, "msgbufp is null: the message buffer was not set up yet");
  const std::uint64_t word = evidence.pointer_size();
  PANICROOM_TRY(magic, evidence.memory().word(header));
  PANICROOM_TRY(next_write, evidence.memory().word(header + word));
  PANICROOM_TRY(size, evidence.memory().word(header + 3 * word));
  if (magic != message_magic)
    return fail_at_address(
        ErrorCode::corrupt, header,
        fmt::format("the message buffer's magic is {:#x}, expected {:#x}", magic, message_magic));
  PANICROOM_TRY(text, read_message_ring(evidence, header + 4 * word, size, next_write));
  visit_message_lines(text, visit, notes);
  return {};
}

}  // namespace panicroom::netbsd
