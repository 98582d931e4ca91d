#pragma once

#include <string_view>

namespace panicroom::freebsd {

/// Whether a function only puts its caller to sleep or makes it wait for a lock: where a thread
/// waits is not in it. (FreeBSD sys/kern/sched_*.c, kern_synch.c, subr_sleepqueue.c,
/// subr_turnstile.c, kern_condvar.c, kern_mutex.c, kern_sx.c, kern_rwlock.c, kern_rmlock.c,
/// kern_lock.c, kern_fork.c.)
bool is_of_scheduler(std::string_view function);

}  // namespace panicroom::freebsd
