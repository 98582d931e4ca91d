#include "core/kernel/openbsd/scheduler_functions.h"

#include <algorithm>
#include <array>

namespace panicroom::openbsd {
namespace {

// Families: what begins so is one of them, also where a compiler split it (".part.0").
constexpr std::array<std::string_view, 9> families = {
    "cpu_switchto", "mi_switch", "sleep_", "tsleep", "msleep", "rwsleep", "rw_", "rrw_", "refcnt_",
};
constexpr std::array<std::string_view, 4> single = {"proc_trampoline", "cond_wait", "mtx_enter",
                                                    "yield"};

}  // namespace

bool is_of_scheduler(std::string_view function) {
  return std::any_of(
             families.begin(), families.end(),
             [function](std::string_view family) { return function.starts_with(family); }) ||
         std::find(single.begin(), single.end(), function) != single.end();
}

}  // namespace panicroom::openbsd
