#include "core/kernel/netbsd/scheduler_functions.h"

#include <algorithm>
#include <array>

namespace panicroom::netbsd {
namespace {

// Families: what begins so is one of them, also where a compiler split it (".part.0").
constexpr std::array<std::string_view, 8> families = {
    "mi_switch", "sleepq_", "turnstile_", "cv_", "cpu_switchto", "mutex_", "rw_", "sel_do_scan"};
constexpr std::array<std::string_view, 9> single = {"tsleep",  "mtsleep",        "kpause",
                                                    "ltsleep", "lwp_park",       "yield",
                                                    "preempt", "softint_switch", "lwp_trampoline"};

}  // namespace

bool is_of_scheduler(std::string_view function) {
  return std::any_of(
             families.begin(), families.end(),
             [function](std::string_view family) { return function.starts_with(family); }) ||
         std::find(single.begin(), single.end(), function) != single.end();
}

}  // namespace panicroom::netbsd
