#include "core/kernel/netbsd/machine_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/loop_guard.h"
#include "core/kernel/field.h"
#include "core/kernel/lists.h"
#include "core/kernel/netbsd/vnodes.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t most_cpus = 1024;  // MAXCPUS is 512 at most
constexpr std::uint64_t most_swap_areas = 256;
constexpr std::uint64_t swap_is_fake = 0x8;  // SWF_FAKE, sys/sys/swap.h

/// The first of these variables that there is; time_t has 8 bytes on every machine.
std::optional<std::int64_t> seconds_in(Evidence& evidence,
                                       std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const auto value = evidence.variable(name, 8); value && *value != 0)
      return static_cast<std::int64_t>(*value);
  return std::nullopt;
}

/// Addresses of all struct cpu_infos: an array, which NetBSD makes when it starts the second
/// processor; before, and in older kernels, a list.
std::vector<std::uint64_t> cpu_infos(Evidence& evidence, Notes& notes) {
  std::vector<std::uint64_t> cpus;
  const auto count = evidence.variable("ncpu", 4);
  const auto array = evidence.pointer("cpu_infos");
  if (count && array && *array != 0) {
    if (*count > most_cpus)
      notes.add(Note{ErrorCode::corrupt, fmt::format("there are said to be {} processors", *count),
                     std::nullopt});
    const unsigned word = evidence.pointer_size();
    for (std::uint64_t index = 0; index < std::min(*count, most_cpus); ++index) {
      const auto cpu = noted(evidence.memory().word(*array + index * word), notes, "a processor");
      if (!cpu || *cpu == 0) break;
      cpus.push_back(*cpu);
    }
    return cpus;
  }
  const Field next("cpu_info", "ci_next");
  const auto head = evidence.address_of("cpu_info_list");
  const auto link = noted(next.member(evidence), notes, "the list of processors");
  if (!head || !link) return cpus;
  for_each_listed(evidence, *head, link->offset, most_cpus, "the list of processors", notes,
                  [&](std::uint64_t cpu) {
                    cpus.push_back(cpu);
                    return true;
                  });
  return cpus;
}

}  // namespace

Clock read_clock(Evidence& evidence) {
  Clock clock;
  clock.now = seconds_in(evidence, {"time_second", "time__second"});
  if (const auto up = seconds_in(evidence, {"time_uptime", "time__uptime"}))
    clock.uptime = static_cast<double>(*up);
  if (const auto boot = seconds_in(evidence, {"boottime"}))
    clock.boot = static_cast<double>(*boot);
  else if (clock.now && clock.uptime)
    clock.boot = static_cast<double>(*clock.now) - *clock.uptime;
  return clock;
}

Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes) {
  constexpr std::string_view what = "the load averages";
  const Field averages("loadavg", "ldavg"), scale("loadavg", "fscale");
  PANICROOM_TRY(place, evidence.address_of("averunnable"));
  Load load;
  const auto first = noted(averages.member(evidence), notes, what);
  const auto one = noted(scale.read(evidence, place), notes, what);
  if (one && *one == 0)
    notes.add(Note{ErrorCode::corrupt, "the load averages are in units of 1/0", place});
  if (first && one && *one != 0) {
    const auto average = [&](std::uint64_t index) -> std::optional<double> {
      const auto value =
          noted(evidence.memory().u32(place + first->offset + index * 4), notes, what);
      if (!value) return std::nullopt;
      return static_cast<double>(*value) / static_cast<double>(*one);
    };
    load.one = average(0), load.five = average(1), load.fifteen = average(2);
  }
  load.threads = count_threads();
  const Field waiting("cpu_info", "ci_data.cpu_schedstate.spc_count");
  if (!waiting.exists(evidence)) return load;
  std::uint64_t sum = 0;
  bool all = true;
  for (const std::uint64_t cpu : cpu_infos(evidence, notes)) {
    const auto count = noted(waiting.read(evidence, cpu), notes, "the run queues");
    all = all && count;
    sum += count.value_or(0);
  }
  if (all) load.runnable = sum;
  return load;
}

Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes) {
  const Field devices("swappri", "spi_swapdev"), next_priority("swappri", "spi_swappri");
  const Field next("swapdev", "swd_next"), flags("swapdev", "swd_flags"),
      priority("swapdev", "swd_priority"), pages("swapdev", "swd_npages"),
      used("swapdev", "swd_npginuse"), path("swapdev", "swd_path"), vnode("swapdev", "swd_vp");
  PANICROOM_TRY(head, evidence.address_of("swap_priority"));
  PANICROOM_TRY(priority_link, next_priority.member(evidence));
  PANICROOM_TRY(devices_at, devices.member(evidence));
  PANICROOM_TRY(link, next.member(evidence));
  const std::uint64_t page = evidence.memory().machine().page_size;
  Vnodes vnodes(evidence);
  std::uint64_t left = most_swap_areas;
  const auto read_area = [&](std::uint64_t address) {
    SwapArea area;
    area.address = address;
    const auto state = flags.read(evidence, address);
    if (state && (*state & swap_is_fake) != 0) return true;
    area.path = text_behind(evidence, path, address, "where a swap area is", notes);
    area.priority = noted(priority.read_signed(evidence, address), notes, "a swap area's priority");
    if (const auto count = noted(pages.read(evidence, address), notes, "a swap area's size"))
      area.size = *count * page;
    if (const auto count = noted(used.read(evidence, address), notes, "a swap area's use"))
      area.used = *count * page;
    const auto at = noted(vnode.read(evidence, address), notes, "where a swap area is");
    if (at && *at != 0)
      if (const auto type = vnodes.type(*at, notes))
        area.type = *type == "file" ? "file" : "partition";
    return visit(area);
  };
  for_each_listed(evidence, head, priority_link.offset, most_swap_areas,
                  "the list of swap priorities", notes, [&](std::uint64_t address) {
                    return for_each_listed(
                        evidence, address + devices_at.offset, link.offset, most_swap_areas,
                        "a list of swap areas", notes,
                        [&](std::uint64_t area) { return left-- != 0 && read_area(area); });
                  });
  return {};
}

Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes) {
  PANICROOM_TRY(place, evidence.address_of("uvmexp"));
  const std::uint64_t page = evidence.memory().machine().page_size;
  constexpr std::array<std::string_view, 12> names = {
      "npages",    "free",      "paging",  "wired",     "anonpages",
      "filepages", "execpages", "swpages", "swpginuse", "swpgonly"};
  bool any = false;
  for (const std::string_view name : names) {
    const Field field("uvmexp", name);
    // NetBSD 10 counts some of them for each processor.
    if (!field.exists(evidence)) continue;
    any = true;
    MemoryCounter counter{std::string(name), std::nullopt};
    if (const auto value = noted(field.read(evidence, place), notes, "counters of memory"))
      counter.bytes = *value * page;
    if (!visit(counter)) return {};
  }
  if (any) return {};
  return Failure(Field("uvmexp", "npages").member(evidence).error());
}

Result<void> read_cpus(
    Evidence& evidence, Processes& processes, std::optional<std::uint64_t> crashed_lwp,
    const std::function<std::optional<Registers>(std::uint64_t, std::int64_t)>& registers,
    const Visitor<Processor>& visit, Notes& notes) {
  const Field current("cpu_info", {"ci_curlwp", "ci_onproc"}),
      waiting("cpu_info", "ci_data.cpu_schedstate.spc_count");
  PANICROOM_CHECK(current.member(evidence));
  for (const std::uint64_t cpu : cpu_infos(evidence, notes)) {
    Processor processor;
    const auto number = processes.cpu_index(cpu, notes);
    if (!number) continue;
    processor.number = *number;
    processor.per_cpu_base = cpu;
    if (waiting.exists(evidence))
      processor.runnable =
          noted(waiting.read(evidence, cpu), notes, "how many threads a processor could run");
    processor.current = noted(current.read(evidence, cpu), notes, "what a processor was running");
    if (processor.current && *processor.current != 0) {
      const std::uint64_t lwp = *processor.current;
      processor.idle = processes.is_idle(lwp);
      processor.tid = processes.lid(lwp, notes);
      processor.thread = processes.lwp_name(lwp, notes);
      if (!processor.thread)
        if (const auto owner = processes.process_of(lwp, notes); owner && *owner != 0)
          processor.thread = processes.name(*owner, notes);
      if (crashed_lwp) processor.crashed = lwp == *crashed_lwp;
      if (const auto saved = registers(lwp, *number)) {
        processor.pc = saved->pc;
        processor.sp = saved->sp;
      }
    }
    if (!visit(processor)) break;
  }
  return {};
}

}  // namespace panicroom::netbsd
