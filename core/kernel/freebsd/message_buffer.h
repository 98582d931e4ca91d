#pragma once

#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// The lines of the message buffer, oldest first: through *msgbufp where the kernel's symbols name
/// it, else from the region of a minidump. `kernel` and `symbols` may be null.
Result<void> read_message_buffer(const Dump& dump, AddressSpace* kernel, const SymbolTable* symbols,
                                 const LogVisitor& visit, Notes& notes);

}  // namespace panicroom::freebsd
