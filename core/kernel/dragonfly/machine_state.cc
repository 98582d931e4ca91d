#include "core/kernel/dragonfly/machine_state.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "core/kernel/dragonfly/processors.h"
#include "core/kernel/flag_names.h"
#include "core/kernel/lists.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t size_of_mount = 512;    // bytes, at least: it has a struct statfs
constexpr std::uint64_t most_swap_areas = 256;  // NSWAPDEV is 4

// sys/sys/mount.h: MNT_* that a user can see, by the words of mount(8), in its order.
constexpr std::array flag_names = {FlagName{0x40, "asynchronous"},
                                   FlagName{0x100, "NFS exported"},
                                   FlagName{0x1000, "local"},
                                   FlagName{0x10000000, "noatime"},
                                   FlagName{0x10, "nodev"},
                                   FlagName{4, "noexec"},
                                   FlagName{8, "nosuid"},
                                   FlagName{0x400000, "nosymfollow"},
                                   FlagName{0x2000, "with quotas"},
                                   FlagName{1, "read-only"},
                                   FlagName{2, "synchronous"},
                                   FlagName{0x40000000, "noclusterr"},
                                   FlagName{0x80000000, "noclusterw"},
                                   FlagName{0x100000, "suiddir"},
                                   FlagName{0x200000, "soft-updates"},
                                   FlagName{0x1000000, "trim"},
                                   FlagName{0x20, "automounted"}};

std::string option_names(std::uint64_t flags, std::optional<std::uint64_t> owner) {
  std::string names = names_of(flags, flag_names, ", ");
  if (owner && *owner != 0)
    names += fmt::format("{}mounted by {}", names.empty() ? "" : ", ", *owner);
  return names;
}

}  // namespace

Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes) {
  constexpr std::string_view what = "a mounted file system";
  const Field link("mount", "mnt_list"), flags("mount", "mnt_flag"),
      source("mount", "mnt_stat.f_mntfromname"), said("mount", "mnt_stat.f_mntonname"),
      type("mount", "mnt_stat.f_fstypename"), owner("mount", "mnt_stat.f_owner"),
      on_entry("mount", "mnt_ncmounton.ncp"), on_mount("mount", "mnt_ncmounton.mount");
  PANICROOM_TRY(head, evidence.address_of("mountlist"));
  PANICROOM_TRY(next, link.member(evidence));
  NameCache names(evidence);
  for_each_listed(
      evidence, head, next.offset, most_objects(evidence, size_of_mount), "the list of mounts",
      notes, [&](std::uint64_t address) {
        Mount mount;
        mount.address = address;
        mount.source = noted(source.text(evidence, address), notes, what);
        // The kernel fills in f_mntonname only when it is asked (sys/kern/vfs_syscalls.c).
        if (const auto text = said.text(evidence, address); text && !text->empty()) {
          mount.path = *text;
        } else if (const auto on = noted(on_entry.read(evidence, address), notes, what)) {
          const auto in = noted(on_mount.read(evidence, address), notes, what);
          if (*on == 0)
            mount.path = "/";
          else if (in)
            mount.path = names.path({*on, *in}, notes);
        }
        mount.type = noted(type.text(evidence, address), notes, what);
        const auto by = noted(owner.read(evidence, address), notes, what);
        if (const auto bits = noted(flags.read(evidence, address), notes, what))
          mount.options = option_names(*bits, by);
        return visit(mount);
      });
  return {};
}

Result<Load> read_load(Evidence& evidence,
                       const std::function<std::optional<std::uint64_t>()>& count_threads,
                       Notes& notes) {
  constexpr std::string_view what = "the load averages";
  const Field averages("loadavg", "ldavg"), scale("loadavg", "fscale"),
      queued("globaldata", "gd_tdrunqcount");
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
  load.threads = count_threads();
  if (const auto cpus = noted(processors(evidence, notes), notes, "the run queues")) {
    std::uint64_t sum = 0;
    bool all = true;
    for (const Cpu& cpu : *cpus) {
      const auto length = noted(queued.read(evidence, cpu.globaldata), notes, "the run queues");
      all = all && length;
      sum += length.value_or(0);
    }
    if (all) load.runnable = sum;
  }
  return load;
}

Result<void> read_swap_areas(Evidence& evidence, const Visitor<SwapArea>& visit, Notes& notes) {
  constexpr std::string_view what = "a swap area";
  const Field blocks("swdevt", "sw_nblks"), used("swdevt", "sw_nused"), vnode("swdevt", "sw_vp"),
      device("swdevt", "sw_device");
  PANICROOM_TRY(first, evidence.pointer("swdevt"));
  PANICROOM_TRY(count, evidence.variable("nswdev", 4));
  PANICROOM_TRY(size, evidence.size_of("swdevt"));
  if (count > most_swap_areas)
    return fail(ErrorCode::corrupt, fmt::format("the number of swap areas, nswdev, is {}", count));
  const std::uint64_t page = evidence.memory().machine().page_size;
  NameCache names(evidence);
  for (std::uint64_t index = 0; index < count; ++index) {
    SwapArea area;
    area.address = first + index * size;
    const auto at = noted(vnode.read(evidence, area.address), notes, what);
    if (!at || *at == 0) continue;  // the slot is free
    if (const auto pages = noted(blocks.read(evidence, area.address), notes, what))
      area.size = *pages * page;
    if (const auto pages = noted(used.read(evidence, area.address), notes, what))
      area.used = *pages * page;
    const auto type = names.type_of_vnode(*at, notes);
    if (type) area.type = *type == "file" ? "file" : "partition";
    const auto made = noted(device.read(evidence, area.address), notes, what);
    if (made && *made != 0) {
      if (const auto name = names.device_name(*made, notes)) area.path = "/dev/" + *name;
    } else {
      area.path = names.path_of_vnode(*at, notes);
    }
    if (!visit(area)) break;
  }
  return {};
}

Result<void> read_memory_counters(Evidence& evidence, const Visitor<MemoryCounter>& visit,
                                  Notes& notes) {
  const std::uint64_t page = evidence.memory().machine().page_size;
  PANICROOM_TRY(statistics, evidence.address_of("vmstats"));
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
  const auto counted = [&](std::string_view name) {
    return Field("vmstats", name).read(evidence, statistics);
  };
  show("physmem", evidence.variable("physmem", evidence.pointer_size()), page);
  show("v_page_size", counted("v_page_size"), 1);
  for (const std::string_view name : {"v_page_count", "v_free_count", "v_active_count",
                                      "v_inactive_count", "v_cache_count", "v_wire_count"})
    show(name, counted(name), page);
  return {};
}

}  // namespace panicroom::dragonfly
