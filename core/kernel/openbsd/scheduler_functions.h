#pragma once

#include <string_view>

namespace panicroom::openbsd {

/// Whether a function only puts its caller to sleep or makes it wait for a lock: where a thread
/// waits is not in it. (OpenBSD sys/kern/kern_synch.c, sched_bsd.c, kern_rwlock.c, kern_lock.c,
/// sys/arch/amd64/amd64/locore.S.)
bool is_of_scheduler(std::string_view function);

}  // namespace panicroom::openbsd
