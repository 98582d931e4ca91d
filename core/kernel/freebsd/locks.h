#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"
#include "core/stack/unwind.h"
#include "core/symbols/symbol_table.h"

namespace panicroom::freebsd {

/// A thread as the locks see it.
struct Waiter {
  std::uint64_t address = 0;
  std::optional<std::int64_t> pid, tid;
  std::optional<std::string> name;
};

/// A thread on a processor, and what it does there.
struct Runner {
  Thread thread;
  Unwound stack;
};

/// Reads the locks that threads wait for: those they block on (turnstiles: mutexes, rw and rm
/// locks), those they sleep on (sx, lockmgr) and those they spin for, with who holds them
/// (sys/sys/_lock.h, mutex.h, rwlock.h, sx.h, lockmgr.h; sys/kern/subr_turnstile.c, kern_mutex.c,
/// kern_rwlock.c, kern_sx.c, kern_lock.c).
class LocksReader {
 public:
  LocksReader(Evidence& evidence, const SymbolTable* symbols)
      : evidence_(evidence), symbols_(symbols) {}

  /// `threads` are all threads; `runners` those on processors, by their address. In the order of
  /// the locks' addresses.
  void read(const std::vector<Waiter>& threads, const std::map<std::uint64_t, Runner>& runners,
            const Visitor<Lock>& visit, Notes& notes);

 private:
  using Threads = std::map<std::uint64_t, const Waiter*>;  ///< by their addresses

  /// The lock_object for which a thread spins: of what its function has in registers and on the
  /// stack, that which is a lock of the kind that the function takes, and that another thread or
  /// readers have. 0 where there is none.
  std::uint64_t spun_for(const Runner& runner, const Threads& threads);
  bool is_taken(std::uint64_t lock, std::uint64_t number, std::uint64_t by_another_than,
                const Threads& threads);
  /// The lock_object that a thread waits for; 0 where it waits for none.
  std::uint64_t waited_for(std::uint64_t thread, const Threads& threads, Notes& notes);
  /// Whether what a thread sleeps on is a lockmgr lock that somebody waits for, by all that it says
  /// of itself.
  bool is_waited_lockmgr(std::uint64_t channel, std::uint64_t flags, const Threads& threads);
  Lock read_lock(std::uint64_t lock, const Threads& threads, Notes& notes);

  Evidence& evidence_;
  const SymbolTable* symbols_;  ///< null where there are none
  Field blocked_{"thread", "td_blocked"}, channel_{"thread", "td_wchan"},
      message_{"thread", "td_wmesg"};
  Field turnstile_lock_{"turnstile", "ts_lockobj"};
  Field name_{"lock_object", "lo_name"}, flags_{"lock_object", "lo_flags"};
};

}  // namespace panicroom::freebsd
