#pragma once

#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// The lines of struct kern_msgbuf (sys/sys/msgbuf.h), which msgbufp leads to.
Result<void> read_message_buffer(Evidence& evidence, const LogVisitor& visit, Notes& notes);

}  // namespace panicroom::netbsd
