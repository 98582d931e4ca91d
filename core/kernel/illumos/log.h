#pragma once

#include "core/kernel/illumos/evidence.h"

namespace panicroom::illumos {

/// The newest messages of the kernel: the queue log_recentq, of at least 8 KiB, or, as long as no
/// syslogd has taken them, all since the boot (log_backlogq). Each is a pair of mblks, a log_ctl
/// and a text (uts/common/os/logsubr.c, uts/common/sys/strlog.h). Errors: `no_symbol`, `no_type`,
/// those of a read of the queue.
Result<void> read_log(Evidence& evidence, const LogVisitor& visit, Notes& notes);

}  // namespace panicroom::illumos
