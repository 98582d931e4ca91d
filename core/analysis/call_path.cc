#include "core/analysis/call_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/kernel/freebsd/scheduler_functions.h"

namespace panicroom {
namespace {

constexpr std::uint64_t first_page = 4096;

using Names = std::span<const std::string_view>;

// What runs once a kernel has decided to die. Linux kernel/panic.c, kernel/kexec_core.c,
// arch/*/kernel/{dumpstack,traps}.c, arch/x86/mm/fault.c; FreeBSD sys/kern/kern_shutdown.c,
// sys/*/*/trap.c.
constexpr std::array<std::string_view, 22> dying = {"panic",
                                                    "vpanic",
                                                    "nmi_panic",
                                                    "__nmi_panic",
                                                    "crash_kexec",
                                                    "__crash_kexec",
                                                    "machine_kexec",
                                                    "oops_end",
                                                    "oops_exit",
                                                    "die",
                                                    "__die",
                                                    "__die_body",
                                                    "die_kernel_fault",
                                                    "page_fault_oops",
                                                    "no_context",
                                                    "kdb_trap",
                                                    "kdb_enter",
                                                    "trap_fatal",
                                                    "doadump",
                                                    "kern_reboot",
                                                    "check_panic_on_warn",
                                                    "panic_cpu_is_self"};
// What stands between those and the code that was stopped, where the stack shows no such code.
// Of arm64: Linux arch/arm64/kernel/{entry-common,debug-monitors,traps}.c, arch/arm64/mm/fault.c.
constexpr std::array<std::string_view, 36> handlers = {"__warn",
                                                       "report_bug",
                                                       "handle_bug",
                                                       "bug_handler",
                                                       "warn_slowpath_fmt",
                                                       "__warn_printk",
                                                       "do_trap",
                                                       "do_error_trap",
                                                       "exc_invalid_op",
                                                       "exc_general_protection",
                                                       "exc_page_fault",
                                                       "do_user_addr_fault",
                                                       "trap_pfault",
                                                       "trap",
                                                       "calltrap",
                                                       "exc_double_fault",
                                                       "handle_stack_overflow",
                                                       "dblfault_handler",
                                                       "__do_kernel_fault",
                                                       "do_bad_area",
                                                       "do_page_fault",
                                                       "do_translation_fault",
                                                       "do_mem_abort",
                                                       "el1_abort",
                                                       "el1_dbg",
                                                       "el1_brk64",
                                                       "el1_undef",
                                                       "call_break_hook",
                                                       "brk_handler",
                                                       "do_debug_exception",
                                                       "do_undefinstr",
                                                       "do_el1_undef",
                                                       "el1h_64_sync_handler",
                                                       "el1h_64_sync",
                                                       "data_abort",
                                                       "do_el1h_sync"};

// Functions that find what another one did.
constexpr std::array<std::string_view, 40> messengers = {"memcpy",
                                                         "__memcpy",
                                                         "memcpy_orig",
                                                         "memcpy_erms",
                                                         "memmove",
                                                         "__memmove",
                                                         "memset",
                                                         "__memset",
                                                         "memset_orig",
                                                         "memcmp",
                                                         "strlen",
                                                         "strcmp",
                                                         "strncmp",
                                                         "strcpy",
                                                         "strscpy",
                                                         "strlcpy",
                                                         "copy_user_generic_unrolled",
                                                         "copy_user_generic_string",
                                                         "copy_user_enhanced_fast_string",
                                                         "rep_movs_alternative",
                                                         "bcopy",
                                                         "bzero",
                                                         "memmove_erms",
                                                         "memset_erms",
                                                         "__list_del_entry_valid",
                                                         "__list_del_entry_valid_or_report",
                                                         "__list_add_valid",
                                                         "__list_add_valid_or_report",
                                                         "refcount_warn_saturate",
                                                         "usercopy_abort",
                                                         "__check_object_size",
                                                         "fortify_panic",
                                                         "__fortify_panic",
                                                         "__stack_chk_fail",
                                                         "list_del",
                                                         "memmove_orig",
                                                         "strnlen",
                                                         "copyin",
                                                         "copyout",
                                                         "kassert_panic"};
constexpr std::array<std::string_view, 27> allocators = {
    "kfree",           "__kmem_cache_free",
    "kmem_cache_free", "__slab_free",
    "slab_free",       "slab_free_after_rcu_debug",
    "___cache_free",   "__cache_free",
    "do_slab_free",    "cache_free_debugcheck",
    "set_freepointer", "free_to_partial_list",
    "kvfree",          "vfree",
    "kfree_sensitive", "free_debug_processing",
    "object_err",      "__kfree",
    "slab_bug",        "kmem_cache_free_bulk",
    "__free_slab",     "free",
    "uma_zfree_arg",   "uma_dbg_free",
    "uma_zfree_debug", "zfree",
    "item_dtor"};

// Linux kernel/sched/core.c, kernel/locking.
constexpr std::array<std::string_view, 26> scheduler = {"__schedule",
                                                        "schedule",
                                                        "schedule_timeout",
                                                        "schedule_preempt_disabled",
                                                        "__switch_to",
                                                        "__switch_to_asm",
                                                        "context_switch",
                                                        "io_schedule",
                                                        "schedule_hrtimeout_range",
                                                        "schedule_hrtimeout_range_clock",
                                                        "schedule_timeout_uninterruptible",
                                                        "schedule_timeout_interruptible",
                                                        "preempt_schedule_common",
                                                        "__mutex_lock",
                                                        "__mutex_lock_slowpath",
                                                        "mutex_lock",
                                                        "mutex_lock_interruptible",
                                                        "mutex_lock_killable",
                                                        "rwsem_down_read_slowpath",
                                                        "rwsem_down_write_slowpath",
                                                        "down_read",
                                                        "down_write",
                                                        "__down_common",
                                                        "___down_common",
                                                        "__down",
                                                        "down"};

// Linux kernel/locking, include/linux/spinlock_api_smp.h.
constexpr std::array<std::string_view, 18> loops_of_locks = {"native_queued_spin_lock_slowpath",
                                                             "__pv_queued_spin_lock_slowpath",
                                                             "queued_spin_lock_slowpath",
                                                             "do_raw_spin_lock",
                                                             "_raw_spin_lock",
                                                             "_raw_spin_lock_bh",
                                                             "_raw_spin_lock_irq",
                                                             "_raw_spin_lock_irqsave",
                                                             "queued_read_lock_slowpath",
                                                             "queued_write_lock_slowpath",
                                                             "_raw_read_lock",
                                                             "_raw_read_lock_bh",
                                                             "_raw_read_lock_irq",
                                                             "_raw_read_lock_irqsave",
                                                             "_raw_write_lock",
                                                             "_raw_write_lock_bh",
                                                             "_raw_write_lock_irq",
                                                             "_raw_write_lock_irqsave"};

/// Whether a trap or an interrupt stopped the code that is to blame; others called panic().
bool came_by_trap(Death death) {
  switch (death) {
    case Death::null_dereference:
    case Death::null_call:
    case Death::page_fault:
    case Death::general_protection:
    case Death::invalid_instruction:
    case Death::divide_error:
    case Death::double_fault:
    case Death::stack_overflow:
    case Death::assertion:
    case Death::warning:
    case Death::list_corruption:
    case Death::double_free:
    case Death::use_after_free:
    case Death::soft_lockup:
    case Death::hard_lockup:
    case Death::rcu_stall:
    case Death::nmi:
      return true;
    default:
      return false;
  }
}

/// Deaths that strike wherever a thread happens to be.
bool happens_anywhere(Death death) {
  return death == Death::nmi || death == Death::machine_check || death == Death::out_of_memory ||
         death == Death::init_killed || death == Death::sysrq || death == Death::running;
}

bool is_one_of(Names names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string_view plain_name(std::string_view symbol) {
  constexpr std::array<std::string_view, 5> suffixes = {".constprop.", ".isra.", ".part.", ".llvm.",
                                                        ".cold"};
  std::size_t end = symbol.size();
  for (const std::string_view suffix : suffixes) end = std::min(end, symbol.find(suffix));
  return end == 0 ? symbol : symbol.substr(0, end);
}

std::string written(const Call& call) {
  if (call.function.empty()) return fmt::format("{:#x}", call.frame.pc);
  return call.module.empty() ? call.function : fmt::format("{} [{}]", call.function, call.module);
}

std::vector<Call> calls_of(Kernel& kernel, const Unwound& stack) {
  const auto symbols = kernel.symbols();
  std::vector<Call> calls;
  for (const UnwoundFrame& frame : stack.frames) {
    Call call;
    call.frame = frame;
    // What lies below the first page is no code, whatever symbol covers it (per-processor ones).
    const auto symbol =
        symbols && frame.pc >= first_page ? symbols->at(frame.lookup_address()) : std::nullopt;
    if (symbol) {
      call.function = plain_name(symbol->name);
      call.offset = frame.pc - symbol->address;
    }
    if (auto module = kernel.module_at(frame.lookup_address())) call.module = std::move(*module);
    calls.push_back(std::move(call));
  }
  return calls;
}

Culprit find_culprit(std::span<const Call> calls, Death death) {
  Culprit culprit;
  std::size_t behind = 0;
  for (std::size_t i = 0; i < calls.size(); ++i)
    if (is_one_of(dying, calls[i].function)) behind = i + 1;
  while (behind < calls.size() && is_one_of(handlers, calls[behind].function)) ++behind;
  culprit.trapped = behind;
  if (came_by_trap(death))
    for (std::size_t i = std::max<std::size_t>(behind, 1); i < calls.size(); ++i)
      if (calls[i].frame.exact) {
        culprit.trapped = i;
        break;
      }
  culprit.function = culprit.trapped;
  // Who waits in a loop for a lock was told to by its caller.
  const bool of_lockup =
      death == Death::soft_lockup || death == Death::hard_lockup || death == Death::rcu_stall;
  const bool of_allocator = death == Death::double_free || death == Death::use_after_free;
  while (culprit.function + 1 < calls.size() &&
         (calls[culprit.function].function.empty() ||
          is_one_of(messengers, calls[culprit.function].function) ||
          (of_lockup && is_one_of(loops_of_locks, calls[culprit.function].function)) ||
          (of_allocator && is_one_of(allocators, calls[culprit.function].function))))
    ++culprit.function;
  return culprit;
}

std::size_t first_behind_waiting(std::span<const Call> calls) {
  std::size_t at = 0;
  while (at < calls.size() &&
         (is_one_of(scheduler, calls[at].function) || freebsd::is_of_scheduler(calls[at].function)))
    ++at;
  return at;
}

Death death_by_stack(std::span<const Call> calls) {
  // Linux kernel/{panic,watchdog,hung_task,exit}.c, drivers/tty/sysrq.c, mm/oom_kill.c,
  // arch/x86/include/asm/idtentry.h, arch/arm64/mm/fault.c, arch/arm64/kernel; FreeBSD sys/kern,
  // sys/arm64/arm64/trap.c.
  constexpr std::array<std::pair<std::string_view, Death>, 21> signs = {{
      {"sysrq_handle_crash", Death::sysrq},
      {"kdb_sysctl_panic", Death::sysrq},
      {"watchdog_timer_fn", Death::soft_lockup},
      {"watchdog_overflow_callback", Death::hard_lockup},
      {"watchdog_hardlockup_check", Death::hard_lockup},
      {"check_hung_uninterruptible_tasks", Death::hung_task},
      {"deadlkres", Death::hung_task},
      {"out_of_memory", Death::out_of_memory},
      {"unknown_nmi_error", Death::nmi},
      {"mutex_spin_failed", Death::lock_held_too_long},
      {"asm_exc_page_fault", Death::page_fault},
      {"asm_exc_general_protection", Death::general_protection},
      {"asm_exc_invalid_op", Death::assertion},
      {"asm_exc_divide_error", Death::divide_error},
      {"asm_exc_double_fault", Death::double_fault},
      {"trap_pfault", Death::page_fault},
      {"do_mem_abort", Death::page_fault},
      {"data_abort", Death::page_fault},
      {"brk_handler", Death::assertion},
      {"do_undefinstr", Death::invalid_instruction},
      {"do_el1_undef", Death::invalid_instruction},
  }};
  std::size_t behind = 0;
  for (std::size_t i = 0; i < calls.size(); ++i)
    if (is_one_of(dying, calls[i].function)) behind = i + 1;
  if (behind == 0) return Death::unknown;
  // The nearest sign behind panic(), before whatever was interrupted.
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i > behind && calls[i].frame.exact) break;
    for (const auto& [function, death] : signs)
      if (calls[i].function == function) return death;
  }
  return Death::panic;
}

bool frees_memory(std::string_view function) { return is_one_of(allocators, function); }

std::string signature(Death death, std::span<const Call> calls) {
  constexpr std::size_t most_functions = 5;
  std::vector<std::string> functions;
  if (happens_anywhere(death)) calls = {};
  for (const Call& call : calls) {
    if (call.function.empty()) continue;
    std::string function =
        call.module.empty() ? call.function : fmt::format("{}!{}", call.module, call.function);
    if (functions.empty() || functions.back() != function) functions.push_back(std::move(function));
    if (functions.size() == most_functions) break;
  }
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 0x100000001b3;
    }
  };
  add(name(death)), add("\n");
  for (const std::string& function : functions) add(function), add("\n");
  std::string text = fmt::format("{:016x} {}", hash, name(death));
  for (std::size_t i = 0; i < functions.size(); ++i) text += (i == 0 ? ": " : " < ") + functions[i];
  return text;
}

}  // namespace panicroom
