#include <algorithm>
#include <array>

#include "core/analysis/aarch64_traps.h"
#include "core/analysis/last_words.h"
#include "core/analysis/words.h"

namespace panicroom {
namespace {

using words::behind;
using words::contains;
using words::number;
using words::number_behind;

constexpr std::string_view panic_sign = "Kernel panic - not syncing";
// Lines of one report follow each other; "invalid opcode" comes right behind "kernel BUG at".
constexpr std::size_t lines_of_headline = 8;
// On arm64 that says little, and comes behind all that is known of the abort.
constexpr std::string_view end_of_arm64_report = "Internal error: ";
constexpr std::size_t lines_of_arm64_report = 24;

/// How a report begins, and what it is about unless a line near it says more.
struct Headline {
  std::string_view text;
  Death death;
};
constexpr std::array headlines = {
    Headline{"BUG: kernel NULL pointer dereference", Death::null_dereference},
    Headline{"BUG: unable to handle kernel NULL pointer dereference", Death::null_dereference},
    Headline{"Unable to handle kernel NULL pointer dereference", Death::null_dereference},
    Headline{"BUG: unable to handle page fault for address", Death::page_fault},
    Headline{"BUG: unable to handle kernel paging request", Death::page_fault},
    Headline{"Unable to handle kernel paging request", Death::page_fault},
    Headline{"Unable to handle kernel ", Death::page_fault},
    Headline{"BUG: KASAN: double-free", Death::double_free},
    Headline{"BUG: KASAN: invalid-free", Death::double_free},
    Headline{"BUG: KASAN: slab-use-after-free", Death::use_after_free},
    Headline{"BUG: KASAN: use-after-free", Death::use_after_free},
    Headline{"BUG: KFENCE: use-after-free", Death::use_after_free},
    Headline{"BUG: KFENCE: invalid free", Death::double_free},
    Headline{"BUG: KASAN:", Death::page_fault},
    Headline{"BUG: stack guard page was hit", Death::stack_overflow},
    Headline{"BUG: TASK stack guard page was hit", Death::stack_overflow},
    Headline{"BUG: IRQ stack guard page was hit", Death::stack_overflow},
    Headline{"Insufficient stack space to handle exception", Death::stack_overflow},
    Headline{"kernel stack overflow", Death::stack_overflow},
    Headline{"general protection fault", Death::general_protection},
    Headline{"Oops: general protection fault", Death::general_protection},
    Headline{"list_del corruption", Death::list_corruption},
    Headline{"list_add corruption", Death::list_corruption},
    Headline{"kernel BUG at ", Death::assertion},
    Headline{"Kernel BUG at ", Death::assertion},
    Headline{"divide error", Death::divide_error},
    Headline{"Oops: divide error", Death::divide_error},
    Headline{"double fault", Death::double_fault},
    Headline{"Oops: double fault", Death::double_fault},
    Headline{"PANIC: double fault", Death::double_fault},
    Headline{"traps: PANIC: double fault", Death::double_fault},
    Headline{"invalid opcode", Death::invalid_instruction},
    Headline{"Oops: invalid opcode", Death::invalid_instruction},
    Headline{"Internal error: Oops - Undefined instruction", Death::invalid_instruction},
    Headline{"Internal error: Oops - BUG", Death::assertion},
    Headline{"Internal error: ", Death::page_fault},
    Headline{"stack segment: ", Death::general_protection},
    Headline{"watchdog: BUG: soft lockup", Death::soft_lockup},
    Headline{"BUG: soft lockup", Death::soft_lockup},
    Headline{"NMI watchdog: BUG: soft lockup", Death::soft_lockup},
    Headline{"watchdog: Watchdog detected hard LOCKUP", Death::hard_lockup},
    Headline{"NMI watchdog: Watchdog detected hard LOCKUP", Death::hard_lockup},
    Headline{"INFO: rcu_", Death::rcu_stall},
    Headline{"rcu: INFO: rcu_", Death::rcu_stall},
    Headline{"INFO: task ", Death::hung_task},
    Headline{"WARNING: CPU: ", Death::warning},
    Headline{"WARNING: at ", Death::warning},
    Headline{"WARNING: ", Death::warning},
    Headline{"mce: [Hardware Error]: ", Death::machine_check},
};

/// What panic() was told, where that alone says how it died.
struct Reason {
  std::string_view text;
  Death death;
};
constexpr std::array reasons = {
    Reason{"sysrq triggered crash", Death::sysrq},
    Reason{"SysRq", Death::sysrq},
    Reason{"hung_task:", Death::hung_task},
    Reason{"softlockup:", Death::soft_lockup},
    Reason{"hard LOCKUP", Death::hard_lockup},
    Reason{"Hard LOCKUP", Death::hard_lockup},
    Reason{"RCU Stall", Death::rcu_stall},
    Reason{"Out of memory", Death::out_of_memory},
    Reason{"out of memory", Death::out_of_memory},
    Reason{"System is deadlocked on memory", Death::out_of_memory},
    Reason{"Attempted to kill init!", Death::init_killed},
    Reason{"Requested init", Death::init_killed},
    Reason{"No working init found", Death::init_killed},
    Reason{"No init found", Death::init_killed},
    Reason{"NMI: Not continuing", Death::nmi},
    Reason{"NMI: ", Death::nmi},
    Reason{"An NMI occurred", Death::nmi},
    Reason{"VFS: Unable to mount root fs", Death::no_root},
    Reason{"stack-protector:", Death::stack_corruption},
    Reason{"corrupted stack end detected", Death::stack_overflow},
    Reason{"kernel stack overflow", Death::stack_overflow},
    Reason{"achine check", Death::machine_check},
    Reason{"Fatal hardware error", Death::machine_check},
    Reason{"panic_on_warn set", Death::warning},
};

const Headline* headline_of(std::string_view line) {
  for (const Headline& headline : headlines)
    if (line.starts_with(headline.text)) return &headline;
  return nullptr;
}

/// A report is as bad as its worst line: "BUG: kernel NULL pointer dereference" is followed by
/// "Oops: 0002", "kernel BUG at" by "invalid opcode".
bool continues(const LastWords& words, std::size_t index, std::string_view line, Death death) {
  const std::size_t most =
      line.starts_with(end_of_arm64_report) ? lines_of_arm64_report : lines_of_headline;
  if (!words.line || index - *words.line > most) return false;
  if (death == words.death) return words.death != Death::hung_task;
  return death == Death::invalid_instruction || death == Death::page_fault ||
         (words.death == Death::list_corruption && death == Death::assertion) ||
         (words.death == Death::stack_overflow &&
          (death == Death::double_fault || death == Death::page_fault)) ||
         (words.death == Death::warning && death == Death::assertion);
}

/// "INFO: task NAME:TID blocked for more than N seconds."
std::optional<HungThread> hung_thread(std::string_view line) {
  const auto rest = behind(line, "INFO: task ");
  if (!rest) return std::nullopt;
  const auto end = rest->rfind(" blocked");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view who = rest->substr(0, end);
  const auto colon = who.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto tid = number(who.substr(colon + 1));
  if (!tid) return std::nullopt;
  return HungThread{static_cast<std::int64_t>(*tid), std::string(who.substr(0, colon)),
                    number_behind(*rest, "for more than "), 0};
}

/// "file.c:123!" or "file.c:123 function+0x1/0x2".
std::optional<std::string> file_and_line(std::string_view text) {
  const auto end = text.find_first_of(" !");
  const std::string_view place = text.substr(0, end);
  if (place.find(':') == std::string_view::npos) return std::nullopt;
  return std::string(place);
}

void read_headline(std::string_view line, LastWords& words) {
  for (const std::string_view key :
       {"dereference, address:", "dereference at", "page fault for address:", "paging request at",
        "at virtual address", "non-canonical address"})
    if (const auto address = number_behind(line, key, 16)) words.fault_address = *address;
  if (words.death == Death::assertion)
    if (const auto place = behind(line, "BUG at ")) words.place = file_and_line(*place);
  if (words.death == Death::warning)
    if (const auto place = behind(line, " at ")) words.place = file_and_line(*place);
  if (words.death == Death::list_corruption) words.detail = std::string(line);
  if (words.death == Death::soft_lockup || words.death == Death::hard_lockup) {
    words.cpu = number_behind(line, "CPU#");
    if (!words.cpu) words.cpu = number_behind(line, "on cpu ");
    words.seconds = number_behind(line, "stuck for ");
  }
}

/// The lines behind a headline say how the address was used.
void read_detail(std::string_view line, LastWords& words) {
  if (line.starts_with("#PF: supervisor ") || line.starts_with("#PF: user ")) {
    if (contains(line, "write access")) words.access = "write";
    if (contains(line, "read access")) words.access = "read";
    if (contains(line, "instruction fetch")) words.access = "execute";
  }
  if (const auto syndrome = number_behind(line, " ESR = ", 16))  // arm64
    words.access = access_of_syndrome(*syndrome);
  if (line.starts_with("Oops: ") && !words.access) {
    // X86_PF_WRITE, X86_PF_INSTR of arch/x86/include/asm/trap_pf.h
    if (const auto code = number(line.substr(6), 16))
      words.access = (*code & 16U) != 0 ? "execute" : (*code & 2U) != 0 ? "write" : "read";
  }
}

}  // namespace

LastWords linux_last_words(std::span<const LogLine> log) {
  LastWords words;
  std::vector<HungThread> hung;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const std::string_view line = log[i].text;
    if (line.starts_with(panic_sign)) {
      words.panic = i;
      const auto reason =
          std::ranges::find_if(reasons, [&](const Reason& r) { return contains(line, r.text); });
      const bool reported = words.line && words.death != Death::hung_task;
      if (reason != reasons.end()) {
        // A stack overflow found by the page behind it is told as a double fault, and so on: the
        // report counts, except where panic() knows better.
        if (!reported || reason->death != words.death) {
          const bool of_watchdog =
              reason->death == Death::hung_task && words.death == Death::hung_task;
          if (!of_watchdog) words.line = i;
        }
        words.death = reason->death;
        if (reason->death == Death::stack_corruption || reason->death == Death::no_root ||
            reason->death == Death::init_killed)
          words.detail = std::string(behind(line, ": ").value_or(line));
      } else if (!reported || !contains(line, "Fatal exception")) {
        const bool fatal_exception = contains(line, "Fatal exception");
        if (!fatal_exception) {
          words.death = Death::panic;
          words.line = i;
          words.detail = std::string(behind(line, ": ").value_or(line));
        }
      }
      continue;
    }
    // What is said after the panic is about the panic.
    if (words.panic) continue;
    if (auto thread = hung_thread(line)) {
      thread->line = i;
      hung.push_back(std::move(*thread));
    }
    if (const Headline* headline = headline_of(line)) {
      if (continues(words, i, line, headline->death)) continue;
      words = LastWords{};
      words.death = headline->death;
      words.line = i;
      read_headline(line, words);
    } else if (words.line) {
      read_detail(line, words);
    }
  }
  if (words.death == Death::null_dereference && words.access == "execute")
    words.death = Death::null_call;
  words.hung = std::move(hung);
  return words;
}

}  // namespace panicroom
