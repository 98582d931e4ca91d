#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/kernel.h"

namespace panicroom {

/// Ways to die. Their names are part of the signature and do not change.
enum class Death : std::uint8_t {
  unknown,
  running,  ///< it had not died when the dump was taken
  panic,    ///< the kernel gave up, for a reason of its own
  null_dereference,
  null_call,  ///< a call of a null function pointer
  page_fault,
  general_protection,
  invalid_instruction,
  divide_error,
  double_fault,
  stack_overflow,
  stack_corruption,
  assertion,  ///< BUG(), KASSERT()
  warning,    ///< one that was told to be fatal
  list_corruption,
  double_free,
  use_after_free,
  soft_lockup,
  hard_lockup,
  rcu_stall,
  hung_task,
  deadlock,
  lock_held_too_long,
  out_of_memory,
  init_killed,
  sysrq,  ///< asked for by the administrator
  nmi,
  machine_check,
  watchdog,
  no_root,  ///< no root file system
};
std::string_view name(Death death);

/// A thread that the kernel's watchdog complained about.
struct HungThread {
  std::int64_t tid = 0;
  std::string name;
  std::optional<std::uint64_t> seconds;
  std::size_t line = 0;  ///< index of the line that says so
};

/// What the kernel said of its own death.
struct LastWords {
  Death death = Death::unknown;
  std::optional<std::size_t> line;   ///< index of the line that tells it most closely
  std::optional<std::size_t> panic;  ///< index of the panic's own line
  std::optional<std::uint64_t> fault_address;
  std::optional<std::string> access;     ///< "read", "write", "execute"
  std::optional<std::string> place;      ///< "file:line" of an assertion
  std::optional<std::string> detail;     ///< what the kernel added, one clause
  std::optional<std::uint64_t> cpu;      ///< of a lockup
  std::optional<std::uint64_t> seconds;  ///< of a lockup
  std::vector<HungThread> hung;
};

/// Texts of Linux's arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack}.c,
/// arch/arm64/mm/fault.c, kernel/{panic,watchdog,hung_task,exit}.c, mm/{oom_kill,slub}.c,
/// lib/list_debug.c of 3.10 to 6.17.
LastWords linux_last_words(std::span<const LogLine> log);
/// Texts of FreeBSD's sys/{amd64,i386,arm64}/*/trap.c, kern/{kern_shutdown,kern_clock,subr_*}.c,
/// vm/uma_core.c of 11 to 15. `panic_text`: what panic(9) was told, where it is known otherwise.
LastWords freebsd_last_words(std::span<const LogLine> log, std::string_view panic_text);
/// Those of the kernel's own system: DragonFly's texts are FreeBSD's still.
LastWords last_words(const KernelIdentity& identity, std::span<const LogLine> log);

}  // namespace panicroom
