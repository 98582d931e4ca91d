#pragma once

#include "core/kernel/kernel.h"

namespace panicroom {

/// `visit`, but ended with a note after more lines than any kernel's log has: a buffer of nothing
/// but line ends has as many as bytes.
LogVisitor at_most_log_lines(const LogVisitor& visit, Notes& notes);

}  // namespace panicroom
