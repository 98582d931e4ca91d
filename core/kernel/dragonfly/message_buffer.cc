#include "core/kernel/dragonfly/message_buffer.h"

#include <fmt/format.h>

#include "core/kernel/message_ring.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::uint32_t message_magic = 0x063064;  // sys/sys/msgbuf.h, MSG_MAGIC

/// struct msgbuf (sys/sys/msgbuf.h): u_int msg_magic, msg_size, msg_bufx, msg_bufr; char *msg_ptr.
/// msg_bufx is where the next byte goes, modulo the size.
Result<std::string> through_msgbufp(Evidence& evidence) {
  PANICROOM_TRY(header, evidence.pointer("msgbufp"));
  if (header == 0)
    return fail(ErrorCode::corrupt, "msgbufp is null: the message buffer was not set up yet");
  AddressSpace& kernel = evidence.memory();
  PANICROOM_TRY(magic, kernel.u32(header));
  if (magic != message_magic)
    return fail_at_address(
        ErrorCode::corrupt, header,
        fmt::format("the message buffer's magic is {:#x}, expected {:#x}", magic, message_magic));
  PANICROOM_TRY(size, kernel.u32(header + 4));
  PANICROOM_TRY(written, kernel.u32(header + 8));
  PANICROOM_TRY(text, kernel.u64(header + 16));
  return read_message_ring(evidence, text, size, written);
}

}  // namespace

Result<void> read_message_buffer(Evidence& evidence, const LogVisitor& visit, Notes& notes) {
  Result<std::string> text =
      evidence.symbols() ? through_msgbufp(evidence)
                         : fail(ErrorCode::no_symbol,
                                "the message buffer cannot be found without the kernel file");
  const Dump& dump = evidence.dump();
  if (!text && dump.minidump && dump.message_buffer) {
    if (text.error().code != ErrorCode::no_symbol) notes.add(text.error());
    text = ring_in_minidump(dump, notes);
  }
  if (!text) return Failure(text.error());
  visit_message_lines(*text, visit, notes);
  return {};
}

}  // namespace panicroom::dragonfly
