#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"

namespace panicroom::freebsd {

/// A thread as the locks see it.
struct Waiter {
  std::uint64_t address = 0;
  std::optional<std::int64_t> pid, tid;
  std::optional<std::string> name;
};

/// Reads the locks that threads wait for: those they block on (turnstiles: mutexes, rw and rm
/// locks) and those they sleep on (sx, lockmgr), with who holds them (sys/sys/_lock.h, mutex.h,
/// rwlock.h, sx.h, lockmgr.h; sys/kern/subr_turnstile.c).
class LocksReader {
 public:
  explicit LocksReader(Evidence& evidence) : evidence_(evidence) {}

  /// `threads` are all threads. In the order of the locks' addresses.
  void read(const std::vector<Waiter>& threads, const Visitor<Lock>& visit, Notes& notes);

 private:
  using Threads = std::map<std::uint64_t, const Waiter*>;  ///< by their addresses

  /// The lock_object that a thread waits for; 0 where it waits for none.
  std::uint64_t waited_for(std::uint64_t thread, const Threads& threads, Notes& notes);
  /// Whether what a thread sleeps on is a lockmgr lock that somebody waits for, by all that it says
  /// of itself.
  bool is_waited_lockmgr(std::uint64_t channel, std::uint64_t flags, const Threads& threads);
  Lock read_lock(std::uint64_t lock, const Threads& threads, Notes& notes);

  Evidence& evidence_;
  Field blocked_{"thread", "td_blocked"}, channel_{"thread", "td_wchan"},
      message_{"thread", "td_wmesg"};
  Field turnstile_lock_{"turnstile", "ts_lockobj"};
  Field name_{"lock_object", "lo_name"}, flags_{"lock_object", "lo_flags"};
};

}  // namespace panicroom::freebsd
