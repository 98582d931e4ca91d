#include "core/kernel/freebsd/message_buffer.h"

#include <fmt/format.h>

#include "core/kernel/message_ring.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint32_t message_magic = 0x063062;  // sys/sys/msgbuf.h, MSG_MAGIC

/// struct msgbuf (sys/sys/msgbuf.h): char *msg_ptr; u_int msg_magic, msg_size, msg_wseq, msg_rseq,
/// ...
Result<std::string> through_msgbufp(Evidence& evidence) {
  PANICROOM_TRY(header, evidence.pointer("msgbufp"));
  if (header == 0)
    return fail(ErrorCode::corrupt, "msgbufp is null: the message buffer was not set up yet");
  AddressSpace& kernel = evidence.memory();
  const std::uint64_t after_pointer = header + evidence.pointer_size();
  PANICROOM_TRY(text, kernel.word(header));
  PANICROOM_TRY(magic, kernel.u32(after_pointer));
  PANICROOM_TRY(size, kernel.u32(after_pointer + 4));
  PANICROOM_TRY(written, kernel.u32(after_pointer + 8));
  if (magic != message_magic)
    return fail_at_address(
        ErrorCode::corrupt, after_pointer,
        fmt::format("the message buffer's magic is {:#x}, expected {:#x}", magic, message_magic));
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

}  // namespace panicroom::freebsd
