#include "core/analysis/last_words.h"

namespace panicroom {

std::string_view name(Death death) {
  switch (death) {
    case Death::unknown:
      return "unknown";
    case Death::running:
      return "running";
    case Death::panic:
      return "panic";
    case Death::null_dereference:
      return "null dereference";
    case Death::null_call:
      return "null call";
    case Death::page_fault:
      return "page fault";
    case Death::general_protection:
      return "general protection fault";
    case Death::invalid_instruction:
      return "invalid instruction";
    case Death::divide_error:
      return "divide error";
    case Death::double_fault:
      return "double fault";
    case Death::stack_overflow:
      return "stack overflow";
    case Death::stack_corruption:
      return "stack corruption";
    case Death::assertion:
      return "assertion";
    case Death::warning:
      return "warning";
    case Death::list_corruption:
      return "list corruption";
    case Death::double_free:
      return "double free";
    case Death::use_after_free:
      return "use after free";
    case Death::soft_lockup:
      return "soft lockup";
    case Death::hard_lockup:
      return "hard lockup";
    case Death::rcu_stall:
      return "rcu stall";
    case Death::hung_task:
      return "hung task";
    case Death::deadlock:
      return "deadlock";
    case Death::lock_held_too_long:
      return "lock held too long";
    case Death::out_of_memory:
      return "out of memory";
    case Death::init_killed:
      return "init killed";
    case Death::sysrq:
      return "sysrq";
    case Death::nmi:
      return "nmi";
    case Death::machine_check:
      return "machine check";
    case Death::watchdog:
      return "watchdog";
    case Death::no_root:
      return "no root file system";
  }
  return "unknown";
}

LastWords last_words(const KernelIdentity& identity, std::span<const LogLine> log) {
  const bool as_freebsd = identity.system == "FreeBSD" || identity.system == "DragonFly";
  return as_freebsd ? freebsd_last_words(log, identity.panic_text.value_or(""))
                    : linux_last_words(log);
}

}  // namespace panicroom
