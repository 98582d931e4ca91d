#pragma once

#include "core/kernel/dragonfly/evidence.h"

namespace panicroom::dragonfly {

/// The kernel's message buffer: through msgbufp, else the copy of the ring in a minidump.
Result<void> read_message_buffer(Evidence& evidence, const LogVisitor& visit, Notes& notes);

}  // namespace panicroom::dragonfly
