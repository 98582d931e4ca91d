#include "core/kernel/linux/machine_state.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {
namespace {

constexpr double fixed_one = 1 << 11;          // FSHIFT of include/linux/sched/loadavg.h
constexpr std::uint64_t most_swap_areas = 32;  // MAX_SWAPFILES
constexpr std::uint64_t swap_used = 1, swap_is_disk = 1 << 6;  // SWP_USED, SWP_BLKDEV

/// A term of a counter: an element of vm_zone_stat or vm_node_stat, in pages.
struct Term {
  std::string_view item;
  int sign = 1;
};
struct Counter {
  std::string_view name;
  std::array<Term, 4> terms;
};
// Linux fs/proc/meminfo.c.
constexpr std::array counters = {
    Counter{"MemFree", {{{"NR_FREE_PAGES"}}}},
    Counter{"SwapCached", {{{"NR_SWAPCACHE"}}}},
    Counter{"Active", {{{"NR_ACTIVE_ANON"}, {"NR_ACTIVE_FILE"}}}},
    Counter{"Inactive", {{{"NR_INACTIVE_ANON"}, {"NR_INACTIVE_FILE"}}}},
    Counter{"Active(anon)", {{{"NR_ACTIVE_ANON"}}}},
    Counter{"Inactive(anon)", {{{"NR_INACTIVE_ANON"}}}},
    Counter{"Active(file)", {{{"NR_ACTIVE_FILE"}}}},
    Counter{"Inactive(file)", {{{"NR_INACTIVE_FILE"}}}},
    Counter{"Unevictable", {{{"NR_UNEVICTABLE"}}}},
    Counter{"Mlocked", {{{"NR_MLOCK"}}}},
    Counter{"Dirty", {{{"NR_FILE_DIRTY"}}}},
    Counter{"Writeback", {{{"NR_WRITEBACK"}}}},
    Counter{"AnonPages", {{{"NR_ANON_MAPPED"}}}},
    Counter{"Mapped", {{{"NR_FILE_MAPPED"}}}},
    Counter{"Shmem", {{{"NR_SHMEM"}}}},
    Counter{"KReclaimable", {{{"NR_SLAB_RECLAIMABLE_B"}, {"NR_KERNEL_MISC_RECLAIMABLE"}}}},
    Counter{"Slab", {{{"NR_SLAB_RECLAIMABLE_B"}, {"NR_SLAB_UNRECLAIMABLE_B"}}}},
    Counter{"SReclaimable", {{{"NR_SLAB_RECLAIMABLE_B"}}}},
    Counter{"SUnreclaim", {{{"NR_SLAB_UNRECLAIMABLE_B"}}}},
    Counter{"PageTables", {{{"NR_PAGETABLE"}}}},
};

class Counters {
 public:
  explicit Counters(Evidence& evidence) : evidence_(evidence) {}

  Result<std::uint64_t> pages(const Counter& counter) {
    std::int64_t sum = 0;
    for (const Term& term : counter.terms) {
      if (term.item.empty()) continue;
      PANICROOM_TRY(value, item(term.item));
      sum += term.sign * value;
    }
    return static_cast<std::uint64_t>(std::max<std::int64_t>(sum, 0));
  }
  Result<std::int64_t> item(std::string_view name) {
    PANICROOM_TRY(types, evidence_.types());
    PANICROOM_TRY(index, types->enumerator(name));
    // NR_FREE_PAGES, NR_MLOCK and NR_ZONE_* count by zones, the others by nodes.
    const bool of_zones = name == "NR_FREE_PAGES" || name == "NR_MLOCK";
    PANICROOM_TRY(array, evidence_.address_of(of_zones ? "vm_zone_stat" : "vm_node_stat"));
    PANICROOM_TRY(value, evidence_.memory().word(array + static_cast<std::uint64_t>(index) *
                                                             evidence_.pointer_size()));
    return evidence_.pointer_size() == 8
               ? static_cast<std::int64_t>(value)
               : static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
  }

 private:
  Evidence& evidence_;
};

}  // namespace

Result<Load> read_load(Evidence& evidence, const Cpus* cpus, Notes& notes) {
  PANICROOM_TRY(array, evidence.address_of("avenrun"));
  AddressSpace& memory = evidence.memory();
  const unsigned word = evidence.pointer_size();
  const auto average = [&](unsigned index) -> std::optional<double> {
    const auto value =
        noted(memory.word(array + std::uint64_t{index} * word), notes, "the load averages");
    if (!value) return std::nullopt;
    return static_cast<double>(*value) / fixed_one;
  };
  Load load;
  load.one = average(0), load.five = average(1), load.fifteen = average(2);
  if (const auto threads = noted(evidence.variable("nr_threads", 4), notes, "the threads' number"))
    load.threads = *threads;
  const Field running("rq", "nr_running");
  const auto queues = evidence.address_of("runqueues");
  if (cpus && queues) {
    std::uint64_t sum = 0;
    bool all = true;
    for (const Cpu& cpu : cpus->all()) {
      const auto count = noted(running.read(evidence, *queues + cpu.per_cpu_offset), notes,
                               "a run queue's length");
      all = all && count;
      sum += count.value_or(0);
    }
    if (all) load.runnable = sum;
  }
  const Field cursor("pid_namespace", "idr.idr_next");
  if (const auto space = evidence.address_of("init_pid_ns"))
    if (const auto next = noted(cursor.read(evidence, *space), notes, "the last process id"))
      load.last_pid = static_cast<std::int64_t>(*next) - 1;
  return load;
}

Result<void> read_swap_areas(Evidence& evidence, Paths& paths, const Visitor<SwapArea>& visit,
                             Notes& notes) {
  const Field flags("swap_info_struct", "flags"), pages("swap_info_struct", "pages"),
      used("swap_info_struct", "inuse_pages"),
      used_atomic("swap_info_struct", "inuse_pages.counter"), priority("swap_info_struct", "prio"),
      file("swap_info_struct", "swap_file"), path("file", "f_path");
  PANICROOM_TRY(array, evidence.address_of("swap_info"));
  const std::uint64_t page = evidence.memory().machine().page_size;
  const std::uint64_t count = evidence.variable("nr_swapfiles", 4).value_or(most_swap_areas);
  for (std::uint64_t i = 0; i < std::min(count, most_swap_areas); ++i) {
    const auto area =
        noted(evidence.memory().word(array + i * evidence.pointer_size()), notes, "the swap areas");
    if (!area || *area == 0) continue;
    const auto bits = noted(flags.read(evidence, *area), notes, "a swap area");
    if (bits && (*bits & swap_used) == 0) continue;
    SwapArea found;
    found.address = *area;
    if (bits) found.type = (*bits & swap_is_disk) != 0 ? "partition" : "file";
    if (const auto size = noted(pages.read(evidence, *area), notes, "a swap area's size"))
      found.size = *size * page;
    const Field& in_use = used_atomic.exists(evidence) ? used_atomic : used;
    if (const auto size = noted(in_use.read(evidence, *area), notes, "a swap area's use"))
      found.used = (used_atomic.exists(evidence) ? *size & 0x3fffffffffffffff : *size) * page;
    if (const auto value = noted(priority.read_signed(evidence, *area), notes, "a swap area"))
      found.priority = *value;
    if (const auto opened = noted(file.read(evidence, *area), notes, "a swap area's file");
        opened && *opened != 0)
      if (const auto at = noted(path.place(evidence, *opened), notes, "a swap area's path"))
        if (const auto named = paths.at(*at, notes)) found.path = named->text;
    if (!visit(found)) break;
  }
  return {};
}

Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes) {
  const std::uint64_t page = evidence.memory().machine().page_size;
  const unsigned word = evidence.pointer_size();
  Counters read(evidence);
  const auto show = [&](std::string_view name, const Result<std::uint64_t>& bytes) {
    MemoryCounter counter{std::string(name), std::nullopt};
    if (bytes)
      counter.bytes = *bytes;
    else
      notes.add(bytes.error().within("counters of memory"));
    return visit(counter);
  };
  const auto pages_of = [&](std::string_view symbol) -> Result<std::uint64_t> {
    PANICROOM_TRY(pages, evidence.variable(symbol, word));
    return pages * page;
  };
  PANICROOM_TRY(total, pages_of("_totalram_pages"));
  if (!show("MemTotal", total)) return {};
  for (const Counter& counter : counters) {
    const auto pages = read.pages(counter);
    if (!show(counter.name, pages ? Result<std::uint64_t>(*pages * page) : pages)) return {};
  }
  // Pages of files but those that only stand for block devices and swap (which have rows of their
  // own on the living system).
  const auto files = read.item("NR_FILE_PAGES"), swapped = read.item("NR_SWAPCACHE");
  if (files && swapped)
    if (!show("Cached and Buffers",
              static_cast<std::uint64_t>(std::max<std::int64_t>(*files - *swapped, 0)) * page))
      return {};
  if (const auto stacks = read.item("NR_KERNEL_STACK_KB"))
    if (!show("KernelStack", static_cast<std::uint64_t>(*stacks) * 1024)) return {};
  if (!show("SwapTotal", pages_of("total_swap_pages"))) return {};
  if (!show("SwapFree", pages_of("nr_swap_pages"))) return {};
  show("VmallocUsed", pages_of("nr_vmalloc_pages"));
  return {};
}

}  // namespace panicroom::linux_kernel
