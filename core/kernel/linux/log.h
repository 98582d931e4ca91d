#pragma once

#include "core/kernel/kernel.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// The kernel's log, oldest line first, in whichever form this kernel keeps it. Errors: the log's
/// place is not known or cannot be read.
Result<void> read_log(Evidence& evidence, const LogVisitor& visit, Notes& notes);

/// printk's ring buffer of descriptors (Linux 5.10 and later), kernel/printk/printk_ringbuffer.h.
Result<void> read_log_ring(Evidence& evidence, std::uint64_t ring, const LogVisitor& visit,
                           Notes& notes);
/// Records behind one another in log_buf (Linux 3.5 to 5.9), and plain text in it (before).
Result<void> read_log_records(Evidence& evidence, const LogVisitor& visit, Notes& notes);
Result<void> read_log_text(Evidence& evidence, const LogVisitor& visit);

/// Visits each line of a record's text with the record's time and level; false when told to stop.
bool visit_lines(const LogLine& record, const LogVisitor& visit);
/// Takes "<4>" and "[   12.345678] " off the front of a plain line, into level and time.
LogLine parse_plain_line(std::string_view text);

}  // namespace panicroom::linux_kernel
