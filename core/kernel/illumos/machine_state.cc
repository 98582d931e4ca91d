#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/base/loop_guard.h"
#include "core/kernel/illumos/machine.h"
#include "core/kernel/illumos/vnodes.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t most_swap_areas = 1024;
constexpr std::size_t longest_path = 1024;
constexpr double high_precision_unit = 65536;  // of hp_avenrun, uts/common/os/clock.c
constexpr double unit = 256;                   // FSCALE, of avenrun

/// In pages, each a pgcnt_t (uts/common/os/space.c, main.c, vm/vm_page.c, vm/anon.h).
constexpr std::array<std::string_view, 13> counters = {
    "physinstalled", "physmem",        "total_pages", "availrmem", "availrmem_initial",
    "freemem",       "lotsfree",       "desfree",     "minfree",   "pages_locked",
    "pages_claimed", "pages_useclaim", "needfree"};

}  // namespace

Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes) {
  constexpr std::string_view what = "the load averages";
  Load load;
  const auto average = [&](std::uint64_t place, std::uint64_t index, std::uint64_t size,
                           double one) -> std::optional<double> {
    const auto value = noted(evidence.memory().integer(place + index * size, size), notes, what);
    return value ? std::optional(static_cast<double>(*value) / one) : std::nullopt;
  };
  if (const auto place = evidence.address_of("hp_avenrun")) {
    load.one = average(*place, 0, 8, high_precision_unit);
    load.five = average(*place, 1, 8, high_precision_unit);
    load.fifteen = average(*place, 2, 8, high_precision_unit);
  } else {
    PANICROOM_TRY(rough, evidence.address_of("avenrun"));
    load.one = average(rough, 0, 4, unit);
    load.five = average(rough, 1, 4, unit);
    load.fifteen = average(rough, 2, 4, unit);
  }
  load.threads = count_threads();
  // The next process id that is tried (uts/common/os/pid.c).
  if (const auto next = noted(evidence.variable("mpid", 4), notes, "the last process id");
      next && *next != 0)
    load.last_pid = static_cast<std::int64_t>(*next) - 1;
  const Field queues("cpu", "cpu_disp"), runnable("_disp", "disp_nrunnable");
  std::uint64_t sum = 0;
  bool all = true;
  const auto walked = for_each_cpu(
      evidence,
      [&](std::uint64_t cpu) {
        const auto queue = noted(queues.read(evidence, cpu), notes, "a run queue");
        const auto length = queue && *queue != 0
                                ? noted(runnable.read(evidence, *queue), notes, "a run queue")
                                : std::nullopt;
        all = all && length;
        sum += length.value_or(0);
        return true;
      },
      notes);
  if (!walked) notes.add(walked.error().within("the run queues"));
  if (walked && all) load.runnable = sum;
  return load;
}

Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes) {
  constexpr std::string_view what = "a swap area";
  const Field next("swapinfo", "si_next"), name("swapinfo", "si_pname"),
      pages("swapinfo", "si_npgs"), free("swapinfo", "si_nfpgs"), vnode("swapinfo", "si_vp");
  PANICROOM_TRY(first, evidence.pointer("swapinfo"));
  PANICROOM_CHECK(next.member(evidence));
  const std::uint64_t page = evidence.memory().machine().page_size;
  Vnodes vnodes(evidence);
  VisitOnce guard(most_swap_areas);
  std::uint64_t at = first;
  while (at != 0) {
    if (!guard.step(at)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic() ? "the list of swap areas is a cycle"
                                    : "the list of swap areas has more elements than are followed",
                     at});
      break;
    }
    const auto following = next.read(evidence, at);
    if (!following) {
      notes.add(following.error().within("the list of swap areas breaks off"));
      break;
    }
    SwapArea area;
    area.address = at;
    if (const auto text = noted(name.read(evidence, at), notes, what); text && *text != 0)
      area.path = noted(evidence.memory().string(*text, longest_path), notes, what);
    const auto size = noted(pages.read(evidence, at), notes, what);
    const auto left = noted(free.read(evidence, at), notes, what);
    if (size && *size <= UINT64_MAX / page) area.size = *size * page;
    if (area.size && left && *left <= *size)
      area.used = (*size - *left) * page;
    else if (size && left)
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("{} of {} pages has {} free ones", what, *size, *left), at});
    if (const auto file = noted(vnode.read(evidence, at), notes, what); file && *file != 0)
      if (const auto type = vnodes.type(*file, notes))
        area.type = *type == "file" ? "file" : "partition";
    if (!visit(area)) break;
    at = *following;
  }
  return {};
}

Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes) {
  const std::uint64_t page = evidence.memory().machine().page_size;
  const auto show = [&](std::string name, const Result<std::uint64_t>& pages) {
    MemoryCounter counter{std::move(name), std::nullopt};
    if (!pages)
      notes.add(pages.error().within("counters of memory"));
    else if (*pages <= UINT64_MAX / page)
      counter.bytes = *pages * page;
    return visit(counter);
  };
  PANICROOM_CHECK(evidence.address_of("physmem"));
  for (const std::string_view name : counters) {
    if (!evidence.address_of(name)) continue;  // not every release has all
    if (!show(std::string(name), evidence.variable(name, evidence.pointer_size()))) return {};
  }
  // Anonymous memory and what of swap space is reserved for it (uts/common/vm/anon.h).
  const auto reserved = evidence.address_of("k_anoninfo");
  if (!reserved) return {};
  for (const std::string_view member :
       {"ani_max", "ani_phys_resv", "ani_mem_resv", "ani_locked_swap"})
    if (!show(fmt::format("k_anoninfo.{}", member),
              Field("k_anoninfo", member).read(evidence, *reserved)))
      return {};
  return {};
}

}  // namespace panicroom::illumos
