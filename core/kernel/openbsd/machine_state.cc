#include "core/kernel/openbsd/machine_state.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/lists.h"
#include "core/kernel/message_ring.h"
#include "core/kernel/openbsd/cpus.h"
#include "core/kernel/openbsd/vnodes.h"

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t most_swap_areas = 256;
constexpr std::uint64_t block = 512;               // DEV_BSIZE, sys/sys/param.h
constexpr std::uint64_t message_magic = 0x063061;  // MSG_MAGIC, sys/sys/msgbuf.h

// struct uvmexp, sys/uvm/uvmexp.h: pages.
constexpr std::array<std::string_view, 11> page_counters = {
    "npages",       "free",       "active",     "inactive", "paging",   "wired",
    "percpucaches", "vnodepages", "vtextpages", "swpages",  "swpginuse"};

/// struct msgbuf (sys/sys/msgbuf.h): the text lies within it.
Result<std::string> text_of(Evidence& evidence, std::string_view pointer) {
  const Field magic("msgbuf", "msg_magic"), next("msgbuf", "msg_bufx"), size("msgbuf", "msg_bufs"),
      text("msgbuf", "msg_bufc");
  PANICROOM_TRY(buffer, evidence.pointer(pointer));
  if (buffer == 0)
    return fail(ErrorCode::corrupt,
                fmt::format("{} is null: the message buffer was not set up yet", pointer));
  PANICROOM_TRY(sign, magic.read(evidence, buffer));
  if (sign != message_magic)
    return fail_at_address(
        ErrorCode::corrupt, buffer,
        fmt::format("the message buffer's magic is {:#x}, expected {:#x}", sign, message_magic));
  PANICROOM_TRY(length, size.read(evidence, buffer));
  PANICROOM_TRY(written, next.read(evidence, buffer));
  PANICROOM_TRY(place, text.place(evidence, buffer));
  return read_message_ring(evidence, place, length, written);
}

SwapArea read_swap_area(Evidence& evidence, std::uint64_t address, Vnodes& vnodes, Notes& notes) {
  const Field blocks("swapdev", "swd_se.se_nblks"), used("swapdev", "swd_npginuse"),
      priority("swapdev", "swd_se.se_priority"), path("swapdev", "swd_path"),
      vnode("swapdev", "swd_vp");
  constexpr std::string_view what = "a swap area";
  SwapArea area;
  area.address = address;
  // Of what swapctl(2) answers only this is kept; how much is used it is told in pages.
  if (const auto count = noted(blocks.read_signed(evidence, address), notes, what);
      count && *count >= 0)
    area.size = static_cast<std::uint64_t>(*count) * block;
  if (const auto pages = noted(used.read_signed(evidence, address), notes, what);
      pages && *pages >= 0)
    area.used = static_cast<std::uint64_t>(*pages) * evidence.memory().machine().page_size;
  area.priority = noted(priority.read_signed(evidence, address), notes, what);
  area.path = text_behind(evidence, path, address, what, notes);
  if (!vnode.exists(evidence)) return area;
  if (const auto at = noted(vnode.read(evidence, address), notes, what); at && *at != 0)
    if (const auto type = vnodes.type(*at, notes))
      area.type = *type == "file" ? "file" : "partition";
  return area;
}

}  // namespace

Result<Load> read_load(Evidence& evidence, Notes& notes) {
  constexpr std::string_view what = "the load averages";
  const Field averages("loadavg", "ldavg"), scale("loadavg", "fscale"),
      runnable("cpu_info", "ci_schedstate.spc_nrun");
  PANICROOM_TRY(place, evidence.address_of("averunnable"));
  Load load;
  const auto first = noted(averages.place(evidence, place), notes, what);
  const auto one = noted(scale.read(evidence, place), notes, what);
  if (first && one && *one == 0)
    notes.add(Note{ErrorCode::corrupt, "the scale of the load averages is 0", place});
  else if (first && one) {
    const auto average = [&](std::uint64_t index) -> std::optional<double> {
      const auto value = noted(evidence.memory().u32(*first + 4 * index), notes, what);
      if (!value) return std::nullopt;
      return static_cast<double>(*value) / static_cast<double>(*one);
    };
    load.one = average(0), load.five = average(1), load.fifteen = average(2);
  }
  load.threads = noted(evidence.variable("nthreads", 4), notes, "the number of threads");
  if (const auto cpus = noted(Cpus::read(evidence, notes), notes, "the run queues")) {
    std::uint64_t sum = 0;
    bool all = true;
    for (const Cpu& cpu : cpus->all()) {
      const auto length = noted(runnable.read(evidence, cpu.address), notes, "the run queues");
      all = all && length;
      sum += length.value_or(0);
    }
    if (all) load.runnable = sum;
  }
  return load;
}

/// swap_priority is a list of struct swappri, each with the areas of its priority.
Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes) {
  const Field link("swappri", "spi_swappri"), areas("swappri", "spi_swapdev"),
      next("swapdev", "swd_next");
  PANICROOM_TRY(head, evidence.address_of("swap_priority"));
  PANICROOM_TRY(priorities, link.member(evidence));
  PANICROOM_TRY(devices, areas.member(evidence));
  PANICROOM_TRY(area_link, next.member(evidence));
  PANICROOM_CHECK(evidence.memory().word(head));
  Vnodes vnodes(evidence);
  for_each_listed(evidence, head, priorities.offset, most_swap_areas, "the list of swap priorities",
                  notes, [&](std::uint64_t priority) {
                    return for_each_listed(
                        evidence, priority + devices.offset, area_link.offset, most_swap_areas,
                        "the list of swap areas", notes, [&](std::uint64_t address) {
                          return visit(read_swap_area(evidence, address, vnodes, notes));
                        });
                  });
  return {};
}

Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes) {
  PANICROOM_TRY(counters, evidence.address_of("uvmexp"));
  const std::uint64_t page = evidence.memory().machine().page_size;
  for (const std::string_view name : page_counters) {
    const Field field("uvmexp", name);
    if (!field.exists(evidence)) continue;
    MemoryCounter counter{std::string(name), std::nullopt};
    if (const auto pages =
            noted(field.read_signed(evidence, counters), notes, "counters of memory")) {
      if (*pages >= 0)
        counter.bytes = static_cast<std::uint64_t>(*pages) * page;
      else
        notes.add(Note{ErrorCode::corrupt, fmt::format("{} is {} pages", name, *pages), counters});
    }
    if (!visit(counter)) break;
  }
  return {};
}

Result<void> read_log(Evidence& evidence, const LogVisitor& visit, Notes& notes) {
  auto text = text_of(evidence, "msgbufp");
  if (!text && evidence.symbols()) {
    const Error why = text.error();
    text = text_of(evidence, "consbufp");
    if (!text) return Failure(why);
    notes.add(why.within("these are the lines that were shown on the console"));
  }
  if (!text) return Failure(text.error());
  visit_message_lines(*text, visit, notes);
  return {};
}

}  // namespace panicroom::openbsd
