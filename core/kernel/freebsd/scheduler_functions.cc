#include "core/kernel/freebsd/scheduler_functions.h"

#include <algorithm>
#include <array>

namespace panicroom::freebsd {
namespace {

// Families: what begins so is one of them, also where a compiler split it (".part.0").
constexpr std::array<std::string_view, 21> families = {
    "sched_switch", "mi_switch", "sleepq_",   "turnstile_", "_cv_",         "_sleep",
    "msleep_spin",  "pause_sbt", "_mtx_lock", "__mtx_lock", "_thread_lock", "thread_lock_",
    "_sx_",         "sx_",       "_rw_",      "__rw_",      "_rm_",         "__lockmgr_args",
    "lockmgr_",     "_lockmgr_", "sleeplk",
};
constexpr std::array<std::string_view, 6> single = {"cpu_switch",       "cpu_throw",
                                                    "fork_trampoline",  "_blockcount_sleep",
                                                    "_blockcount_wait", "sched_throw"};

}  // namespace

bool is_of_scheduler(std::string_view function) {
  return std::any_of(
             families.begin(), families.end(),
             [function](std::string_view family) { return function.starts_with(family); }) ||
         std::find(single.begin(), single.end(), function) != single.end();
}

}  // namespace panicroom::freebsd
