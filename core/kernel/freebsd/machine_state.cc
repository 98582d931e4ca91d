#include "core/kernel/freebsd/machine_state.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/cpus.h"
#include "core/kernel/freebsd/per_cpu.h"
#include "core/kernel/freebsd/vnodes.h"
#include "core/kernel/lists.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t most_domains = 64;  // MAXMEMDOM is 8 at most
constexpr std::uint64_t most_swap_areas = 256;
constexpr std::uint64_t first_with_counters = 1200000;  // of struct vmmeter; osreldate
// sys/vm/vm_page.h: PQ_*.
enum PageQueue : std::uint64_t { inactive = 0, active = 1, laundry = 2 };

/// struct vm_domain: one for each domain of memory, since FreeBSD 12 with its own counts.
class Domains {
 public:
  static Result<Domains> read(Evidence& evidence) {
    PANICROOM_TRY(first, evidence.address_of("vm_dom"));
    PANICROOM_TRY(size, evidence.size_of("vm_domain"));
    PANICROOM_TRY(count, evidence.variable("vm_ndomains", 4));
    if (count == 0 || count > most_domains)
      return fail(
          ErrorCode::corrupt,
          fmt::format("the number of domains of memory, vm_ndomains, is {}, expected 1 to {}",
                      count, most_domains));
    return Domains(evidence, first, size, count);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t address(std::uint64_t number) const { return first_ + number * size_; }
  /// Pages, of all domains together.
  Result<std::uint64_t> sum(const Field& field) const {
    std::uint64_t pages = 0;
    for (std::uint64_t i = 0; i < count_; ++i) {
      PANICROOM_TRY(value, field.read(evidence_, address(i)));
      pages += value;
    }
    return pages;
  }
  Result<std::uint64_t> queued(PageQueue queue) const {
    const Field queues("vm_domain", "vmd_pagequeues"), length("vm_pagequeue", "pq_cnt");
    PANICROOM_TRY(stride, evidence_.size_of("vm_pagequeue"));
    std::uint64_t pages = 0;
    for (std::uint64_t i = 0; i < count_; ++i) {
      PANICROOM_TRY(first, queues.place(evidence_, address(i)));
      PANICROOM_TRY(value, length.read(evidence_, first + queue * stride));
      pages += value;
    }
    return pages;
  }

 private:
  Domains(Evidence& evidence, std::uint64_t first, std::uint64_t size, std::uint64_t count)
      : evidence_(evidence), first_(first), size_(size), count_(count) {}

  Evidence& evidence_;
  std::uint64_t first_, size_, count_;
};

/// Bytes of the buffer cache: vfs.bufspace.
Result<std::uint64_t> buffer_space(Evidence& evidence) {
  const Field space("bufdomain", "bd_bufspace");
  PANICROOM_TRY(first, evidence.address_of("bdomain"));
  PANICROOM_TRY(size, evidence.size_of("bufdomain"));
  PANICROOM_TRY(count, evidence.variable("buf_domains", 4));
  if (count > most_domains)
    return fail(ErrorCode::corrupt,
                fmt::format("the number of buffers' domains, buf_domains, is {}", count));
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    PANICROOM_TRY(value, space.read(evidence, first + i * size));
    sum += value;
  }
  return sum;
}

/// A struct bintime's fraction, in units of 2^-64 seconds.
double seconds_of(std::uint64_t fraction) { return std::ldexp(static_cast<double>(fraction), -64); }

}  // namespace

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
    const std::uint64_t size = first->size / 3;
    const auto average = [&](std::uint64_t index) -> std::optional<double> {
      const auto value =
          noted(evidence.memory().integer(place + first->offset + index * size, size), notes, what);
      if (!value) return std::nullopt;
      return static_cast<double>(*value) / static_cast<double>(*one);
    };
    load.one = average(0), load.five = average(1), load.fifteen = average(2);
  }
  if (const auto threads = evidence.variable("nthreads", 4))
    load.threads = *threads;
  else
    load.threads = count_threads();
  if (const auto last = noted(evidence.variable("lastpid", 4), notes, "the last process id"))
    load.last_pid = static_cast<std::int32_t>(static_cast<std::uint32_t>(*last));
  if (const auto per_cpu = noted(PerCpu::read(evidence, notes), notes, "the run queues")) {
    std::uint64_t sum = 0;
    bool all = true;
    for (const Cpu& cpu : per_cpu->cpus()) {
      const auto length = noted(runnable_threads(evidence, cpu), notes, "the run queues");
      all = all && length;
      sum += length.value_or(0);
    }
    if (all) load.runnable = sum;
  }
  return load;
}

Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes) {
  const Field link("swdevt", "sw_list"), blocks("swdevt", "sw_nblks"), used("swdevt", "sw_used"),
      vnode("swdevt", "sw_vp");
  PANICROOM_TRY(head, evidence.address_of("swtailq"));
  PANICROOM_TRY(next, link.member(evidence));
  const std::uint64_t page = evidence.memory().machine().page_size;
  Vnodes vnodes(evidence);
  for_each_listed(
      evidence, head, next.offset, most_swap_areas, "the list of swap areas", notes,
      [&](std::uint64_t address) {
        SwapArea area;
        area.address = address;
        if (const auto pages = noted(blocks.read(evidence, address), notes, "a swap area's size"))
          area.size = *pages * page;
        if (const auto pages = noted(used.read(evidence, address), notes, "a swap area's use"))
          area.used = *pages * page;
        const auto at = noted(vnode.read(evidence, address), notes, "where a swap area is");
        if (at && *at != 0) {
          area.path = vnodes.path(*at, notes);
          const auto type = vnodes.type(*at, notes);
          if (type) area.type = *type == "file" ? "file" : "partition";
        }
        return visit(area);
      });
  return {};
}

Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes) {
  const std::uint64_t page = evidence.memory().machine().page_size;
  PANICROOM_TRY(physical, evidence.variable("physmem", evidence.pointer_size()));
  const auto domains = Domains::read(evidence);
  const auto meter = evidence.address_of("vm_cnt");
  bool go_on = true;
  const auto show = [&](std::string_view name, const Result<std::uint64_t>& value,
                        std::uint64_t unit) {
    if (!go_on) return;
    MemoryCounter counter{std::string(name), std::nullopt};
    if (value)
      counter.bytes = *value * unit;
    else
      notes.add(value.error().within("counters of memory"));
    go_on = visit(counter);
  };
  const auto by_domain = [&](PageQueue queue) -> Result<std::uint64_t> {
    PANICROOM_CHECK(domains);
    return domains->queued(queue);
  };
  const auto in_meter = [&](std::string_view member) -> Result<std::uint64_t> {
    PANICROOM_CHECK(meter);
    return Field("vmmeter", member).read(evidence, *meter);
  };
  const auto free = [&]() -> Result<std::uint64_t> {
    PANICROOM_CHECK(domains);
    return domains->sum(Field("vm_domain", "vmd_free_count"));
  };
  const auto wired = [&]() -> Result<std::uint64_t> {
    PANICROOM_CHECK(meter);
    PANICROOM_TRY(per_cpu, PerCpu::read(evidence, notes));
    return per_cpu.total(evidence, Field("vmmeter", "v_wire_count"), *meter, first_with_counters);
  };
  show("physmem", physical, page);
  show("v_page_size", in_meter("v_page_size"), 1);
  show("v_page_count", in_meter("v_page_count"), page);
  show("v_free_count", free(), page);
  show("v_active_count", by_domain(active), page);
  show("v_inactive_count", by_domain(inactive), page);
  show("v_laundry_count", by_domain(laundry), page);
  show("v_wire_count", wired(), page);
  // Since FreeBSD 12.1.
  if (evidence.address_of("vm_user_wire_count"))
    show("v_user_wire_count", evidence.variable("vm_user_wire_count", evidence.pointer_size()),
         page);
  show("bufspace", buffer_space(evidence), 1);
  return {};
}

Result<void> read_memory_zones(Evidence& evidence, const Visitor<MemoryZone>& visit, Notes& notes) {
  const Field number("vm_domain", "vmd_domain"), size("vm_domain", "vmd_page_count"),
      free("vm_domain", "vmd_free_count"), reserved("vm_domain", "vmd_free_reserved"),
      least("vm_domain", "vmd_free_min"), target("vm_domain", "vmd_free_target");
  PANICROOM_TRY(domains, Domains::read(evidence));
  const std::uint64_t page = evidence.memory().machine().page_size;
  for (std::uint64_t i = 0; i < domains.count(); ++i) {
    MemoryZone zone;
    zone.address = domains.address(i);
    const auto bytes = [&](const Field& field) -> std::optional<std::uint64_t> {
      const auto pages = noted(field.read(evidence, zone.address), notes, "a domain of memory");
      if (!pages) return std::nullopt;
      return *pages * page;
    };
    if (const auto it = noted(number.read(evidence, zone.address), notes, "a domain of memory"))
      zone.node = static_cast<std::int64_t>(*it);
    zone.managed = bytes(size);
    zone.free = bytes(free);
    zone.min = bytes(reserved);
    zone.low = bytes(least);
    zone.high = bytes(target);
    if (!visit(zone)) break;
  }
  return {};
}

Result<Clock> read_clock(Evidence& evidence) {
  const Field up("timehands", "th_offset.sec"), up_part("timehands", "th_offset.frac"),
      booted("timehands", "th_boottime.sec"), booted_part("timehands", "th_boottime.frac");
  PANICROOM_TRY(record, evidence.pointer("timehands"));
  PANICROOM_TRY(seconds, up.read_signed(evidence, record));
  PANICROOM_TRY(part, up_part.read(evidence, record));
  PANICROOM_TRY(boot, booted.read_signed(evidence, record));
  PANICROOM_TRY(boot_part, booted_part.read(evidence, record));
  constexpr std::int64_t most = std::int64_t{1} << 40;
  if (seconds < 0 || seconds > most || boot < 0 || boot > most)
    return fail_at_address(
        ErrorCode::corrupt, record,
        fmt::format("the clock says that it ran {} s since {} s", seconds, boot));
  Clock clock;
  clock.uptime = static_cast<double>(seconds) + seconds_of(part);
  const bool carries = part + boot_part < part;
  clock.now = boot + seconds + (carries ? 1 : 0);
  return clock;
}

}  // namespace panicroom::freebsd
