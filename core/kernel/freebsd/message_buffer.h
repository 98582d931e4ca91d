#pragma once

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// The lines of the message buffer, oldest first: through *msgbufp where the kernel's symbols name
/// it, else from the region of a minidump.
Result<void> read_message_buffer(Evidence& evidence, const LogVisitor& visit, Notes& notes);

}  // namespace panicroom::freebsd
