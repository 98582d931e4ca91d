#include <algorithm>
#include <array>

#include "core/analysis/aarch64_traps.h"
#include "core/analysis/last_words.h"
#include "core/analysis/words.h"

namespace panicroom {
namespace {

using words::behind;
using words::contains;
using words::number_behind;

struct Reason {
  std::string_view text;
  Death death;
};
// What panic(9) is told; the first that fits counts.
constexpr std::array reasons = {
    Reason{"page fault", Death::page_fault},
    Reason{"vm_fault: fault on nofault entry", Death::page_fault},
    Reason{"vm_fault_lookup: fault on nofault entry", Death::page_fault},
    Reason{"general protection fault", Death::general_protection},
    Reason{"privileged instruction fault", Death::invalid_instruction},
    Reason{"Undefined instruction", Death::invalid_instruction},
    Reason{"integer divide fault", Death::divide_error},
    Reason{"double fault", Death::double_fault},
    Reason{"stack fault", Death::general_protection},
    Reason{"stack overflow detected", Death::stack_corruption},
    Reason{"Unhandled kernel exception", Death::general_protection},
    Reason{"data abort", Death::page_fault},
    Reason{"vm_fault failed: ", Death::page_fault},
    Reason{"Assertion ", Death::assertion},
    Reason{"Duplicate free of", Death::double_free},
    Reason{"double free", Death::double_free},
    Reason{"Double free", Death::double_free},
    Reason{"freeing free ", Death::double_free},
    Reason{"Memory modified after free", Death::use_after_free},
    Reason{"use after free", Death::use_after_free},
    Reason{"deadlres_td_sleep_q: possible deadlock detected", Death::hung_task},
    Reason{"possible deadlock detected", Death::hung_task},
    Reason{"spin lock held too long", Death::lock_held_too_long},
    Reason{"sleeping thread", Death::lock_held_too_long},
    Reason{"Bad tailq", Death::list_corruption},
    Reason{"Bad list", Death::list_corruption},
    Reason{"Bad link elm", Death::list_corruption},
    Reason{"out of swap space", Death::out_of_memory},
    Reason{"kmem_map too small", Death::out_of_memory},
    Reason{"out of memory", Death::out_of_memory},
    Reason{"Going nowhere without my init", Death::init_killed},
    Reason{"init died", Death::init_killed},
    Reason{"no init", Death::init_killed},
    Reason{"kdb_sysctl_panic", Death::sysrq},
    Reason{"from debugger", Death::sysrq},
    Reason{"watchdog timeout", Death::watchdog},
    Reason{"software watchdog", Death::watchdog},
    Reason{"NMI", Death::nmi},
    Reason{"machine check", Death::machine_check},
    Reason{"mountroot", Death::no_root},
};

bool begins_report(std::string_view line) {
  return line.starts_with("Fatal trap ") || line.starts_with("Fatal data abort:");
}

}  // namespace

LastWords freebsd_last_words(std::span<const LogLine> log, std::string_view panic_text) {
  LastWords words;
  // The first "panic: ...", others may follow from it, and the trap's report before it.
  std::size_t report = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    // The buffer outlives a reboot: what stands before the latest start is another kernel's.
    if (contains(log[i].text, "---<<BOOT>>---")) words.panic.reset(), report = i;
    if (words.panic) continue;
    if (begins_report(log[i].text)) report = i;
    if (log[i].text.starts_with("panic: ")) words.panic = i;
  }
  const std::string_view said =
      words.panic ? std::string_view(log[*words.panic].text).substr(7) : panic_text;
  if (said.empty()) return words;
  words.line = words.panic;
  const auto reason =
      std::ranges::find_if(reasons, [&](const Reason& r) { return contains(said, r.text); });
  words.death = reason == reasons.end() ? Death::panic : reason->death;
  words.detail = std::string(said);
  if (words.death == Death::assertion)
    if (const auto at = behind(said, " failed at ")) words.place = std::string(*at);
  if (!words.panic) return words;
  for (std::size_t i = report; i < *words.panic; ++i) {
    const std::string_view line = log[i].text;
    if (begins_report(line)) words.line = i;
    if (line.starts_with("fault virtual address"))
      words.fault_address = number_behind(line, "= ", 16);
    if (line.starts_with("fault code"))
      words.access = contains(line, "write")         ? "write"
                     : contains(line, "instruction") ? "execute"
                                                     : "read";
    // arm64's follow the registers. Its panic alone tells of a fault in a critical section.
    if (line.starts_with(" far: ")) words.fault_address = number_behind(line, ":", 16);
    if (line.starts_with(" esr: "))
      if (const auto syndrome = number_behind(line, ":", 16))
        words.access = access_of_syndrome(*syndrome);
  }
  if (words.death == Death::page_fault && words.fault_address && *words.fault_address < 4096)
    words.death = words.access == "execute" ? Death::null_call : Death::null_dereference;
  return words;
}

}  // namespace panicroom
