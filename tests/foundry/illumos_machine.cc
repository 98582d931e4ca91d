#include <algorithm>
#include <array>
#include <string>

#include "tests/foundry/illumos_world.h"

namespace foundry {
namespace {

constexpr std::uint64_t ticks_per_second = 100;  // hz

void refstr(IllumosParts& parts, std::uint64_t vfs, const char* member, const std::string& text) {
  const std::uint64_t offset = parts.layout.offset("refstr", "rs_string");
  const std::uint64_t at = parts.heap.take(offset + text.size() + 1);
  parts.image.write_virtual(at + offset, text);
  parts.set(vfs, "vfs", member, at);
}

/// Options by the flags of a description: 1 "ro" (else "rw"), 2 "nosuid", 4 "dev" with a value; and
/// one that is hidden, one that is not set.
void options(IllumosParts& parts, std::uint64_t vfs, std::uint64_t flags) {
  struct Option {
    const char *name, *value;
    std::uint64_t flags;
  };
  const std::array<Option, 5> all = {{{(flags & 1) != 0 ? "ro" : "rw", nullptr, 1},
                                      {"nosuid", nullptr, (flags & 2) != 0 ? 1U : 0U},
                                      {"dev", "4410004", (flags & 4) != 0 ? 1U : 0U},
                                      {"quota", nullptr, 3},
                                      {"devices", nullptr, 0}}};
  const std::uint64_t size = parts.layout.size("mntopt");
  const std::uint64_t list = parts.heap.take(size * all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    parts.set(list + i * size, "mntopt", "mo_name", parts.string(all[i].name));
    if (all[i].value) parts.set(list + i * size, "mntopt", "mo_arg", parts.string(all[i].value));
    parts.set(list + i * size, "mntopt", "mo_flags", all[i].flags);
  }
  parts.set(vfs, "vfs", "vfs_mntopts.mo_count", all.size());
  parts.set(vfs, "vfs", "vfs_mntopts.mo_list", list);
}

void mounts(IllumosParts& parts) {
  auto& all = parts.description.machine.mounts;
  if (all.empty()) return;
  std::vector<std::string> types = {"BADVFS"};
  for (MachineText::Mounted& mount : all) {
    mount.address = parts.make("vfs");
    if (std::find(types.begin(), types.end(), mount.type) == types.end())
      types.push_back(mount.type);
  }
  const std::uint64_t size = parts.layout.size("vfssw");
  const std::uint64_t table = parts.place("vfssw", size * types.size());
  for (std::size_t i = 0; i < types.size(); ++i)
    parts.set(table + i * size, "vfssw", "vsw_name", parts.string(types[i]));
  parts.number("nfstype", types.size(), 4);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint64_t at = all[i].address;
    parts.set(at, "vfs", "vfs_next", all[(i + 1) % all.size()].address);
    refstr(parts, at, "vfs_resource", all[i].source);
    refstr(parts, at, "vfs_mntpt", all[i].path);
    parts.set(at, "vfs", "vfs_fstype",
              static_cast<std::uint64_t>(std::find(types.begin(), types.end(), all[i].type) -
                                         types.begin()));
    // Its major number is `owner`, its minor number where it stands.
    parts.set(at, "vfs", "vfs_dev", (all[i].owner << (parts.word == 8 ? 32U : 18U)) | i);
    options(parts, at, all[i].flags);
  }
  parts.number("rootvfs", all.front().address, parts.word);
}

void modules(IllumosParts& parts) {
  auto& all = parts.description.machine.modules;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].address =
        i == 0 ? parts.place("modules", parts.layout.size("modctl")) : parts.make("modctl");
    all[i].loaded = parts.make("module");
    for (const Symbol& symbol : all[i].symbols) parts.image.symbols.push_back(symbol);
  }
  // One that was loaded once: it is no row.
  const std::uint64_t gone = parts.make("modctl");
  parts.set(gone, "modctl", "mod_modname", parts.string("gone"));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const MachineText::Module& module = all[i];
    const std::uint64_t at = module.address;
    const std::uint64_t after = i + 1 < all.size() ? all[i + 1].address : gone;
    parts.set(at, "modctl", "mod_next", after);
    parts.set(at, "modctl", "mod_mp", module.loaded);
    parts.set(at, "modctl", "mod_modname", parts.string(module.name));
    parts.set(at, "modctl", "mod_ref", static_cast<std::uint64_t>(module.references));
    parts.set(at, "modctl", "mod_installed", module.flags & 1);
    // The second, genunix, has them in its struct module alone.
    if (i != 1) {
      parts.set(at, "modctl", "mod_text", module.start);
      parts.set(at, "modctl", "mod_text_size", module.size);
    }
    parts.set(module.loaded, "module", "text", module.start);
    parts.set(module.loaded, "module", "text_size", module.size);
    std::uint64_t link = at + parts.layout.offset("modctl", "mod_requisites");
    for (const std::string& needed : module.needs)
      for (const MachineText::Module& other : all)
        if (other.name == needed) {
          const std::uint64_t element = parts.make("modctl_list");
          parts.image.write_virtual(link, element, parts.word);
          parts.set(element, "modctl_list", "modl_modp", other.address);
          link = element + parts.layout.offset("modctl_list", "modl_next");
        }
  }
  if (!all.empty()) parts.set(gone, "modctl", "mod_next", all.front().address);
}

void processors(IllumosParts& parts) {
  auto& all = parts.description.machine.cpus;
  for (const ProcessText& process : parts.description.processes)
    for (const ThreadText& thread : process.threads)
      if (thread.cpu && all.size() <= static_cast<std::uint64_t>(*thread.cpu))
        for (std::uint64_t i = all.size(); i <= static_cast<std::uint64_t>(*thread.cpu); ++i) {
          MachineText::Cpu cpu;
          cpu.number = i;
          all.push_back(cpu);
        }
  for (MachineText::Cpu& cpu : all) cpu.base = parts.make("cpu");
  std::uint64_t online = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint64_t at = all[i].base, queue = parts.make("_disp");
    parts.set(at, "cpu", "cpu_next", all[(i + 1) % all.size()].base);
    parts.set(at, "cpu", "cpu_id", all[i].number);
    // CPU_RUNNING, READY, EXISTS, ENABLE; CPU_EXISTS, OFFLINE.
    parts.set(at, "cpu", "cpu_flags", all[i].online ? 0x1b : 0x28);
    parts.set(at, "cpu", "cpu_disp", queue);
    parts.set(queue, "_disp", "disp_nrunnable", all[i].runnable);
    online += all[i].online ? 1U : 0U;
  }
  if (!all.empty()) parts.number("cpu_list", all.front().base, parts.word);
  parts.number("ncpus_online", online, 4);
}

void load(IllumosParts& parts) {
  const MachineText::Load& load = parts.description.machine.load;
  // Released kernels have it in units of 2^-16; those without the symbol in units of 2^-8.
  const bool precise = load.scale != 256;
  const unsigned width = precise ? 8 : 4;
  const std::uint64_t at =
      parts.place(precise ? "hp_avenrun" : "avenrun", std::uint64_t{3} * width);
  for (std::size_t i = 0; i < 3; ++i)
    parts.image.write_virtual(
        at + i * width, precise ? load.averages[i] * 65536 / load.scale : load.averages[i], width);
  parts.number("mpid", static_cast<std::uint64_t>(load.last_pid + 1), 4);
}

void memory(IllumosParts& parts) {
  for (const auto& [name, pages] : parts.description.machine.counters) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) {
      parts.number(name, pages, parts.word);
    } else {
      const std::uint64_t at = parts.place("k_anoninfo", parts.layout.size("k_anoninfo"));
      parts.set(at, "k_anoninfo", name.substr(dot + 1), pages);
    }
  }
  std::uint64_t before = parts.place("swapinfo", parts.word);
  for (MachineText::Swap& swap : parts.description.machine.swaps) {
    swap.address = parts.make("swapinfo");
    parts.image.write_virtual(before, swap.address, parts.word);
    before = swap.address + parts.layout.offset("swapinfo", "si_next");
    parts.set(swap.address, "swapinfo", "si_pname", parts.string(swap.path));
    parts.set(swap.address, "swapinfo", "si_npgs", swap.blocks);
    parts.set(swap.address, "swapinfo", "si_nfpgs", swap.blocks - swap.used);
    parts.set(swap.address, "swapinfo", "si_vp",
              parts.vnode(swap.path, swap.is_device ? "block" : "file"));
  }
}

/// A queue with a pair of mblks for each message; of a long line two messages.
std::uint64_t queue(IllumosParts& parts, bool for_syslogd) {
  const std::uint64_t at = parts.make("queue");
  std::uint64_t link = at + parts.layout.offset("queue", "q_first");
  const auto message = [&](const LogText& line, const std::string& text) {
    const std::string sent = for_syslogd ? "genunix: [ID 540533 kern.notice] " + text : text;
    const std::uint64_t head = parts.make("msgb"), body = parts.make("msgb");
    const std::uint64_t control = parts.make("log_ctl"), bytes = parts.string(sent);
    parts.image.write_virtual(link, head, parts.word);
    link = head + parts.layout.offset("msgb", "b_next");
    parts.set(head, "msgb", "b_cont", body);
    parts.set(head, "msgb", "b_rptr", control);
    parts.set(head, "msgb", "b_wptr", control + parts.layout.size("log_ctl"));
    parts.set(control, "log_ctl", "ltime", line.time_ns / (1000000000 / ticks_per_second));
    parts.set(control, "log_ctl", "pri", static_cast<std::uint64_t>(line.level.value_or(6)));
    parts.set(body, "msgb", "b_rptr", bytes);
    parts.set(body, "msgb", "b_wptr", bytes + sent.size() + 1);
  };
  for (const LogText& line : parts.description.log) {
    const std::size_t half = line.text.size() > 24 && !for_syslogd ? line.text.size() / 2 : 0;
    if (half != 0) message(line, line.text.substr(0, half));
    message(line, line.text.substr(half) + "\n");
  }
  return at;
}

void log(IllumosParts& parts) {
  if (parts.description.log.empty()) return;
  const std::uint64_t empty = parts.make("queue");
  const bool backlog = parts.description.backlog;
  const std::uint64_t all = backlog ? queue(parts, true) : empty;
  parts.number("log_backlogq", all, parts.word);
  parts.number("log_consq", backlog ? all : parts.make("queue"), parts.word);
  parts.number("log_recentq", backlog ? empty : queue(parts, false), parts.word);
}

}  // namespace

void build_illumos_machine(IllumosParts& parts) {
  Description& description = parts.description;
  mounts(parts);
  modules(parts);
  processors(parts);
  load(parts);
  memory(parts);
  log(parts);
  parts.number("hz", ticks_per_second, 4);
  // The processor's counter in units of 2^-27 nanoseconds (uts/i86pc/os/timestamp.c).
  if (description.tick_rate != 0)
    parts.number("nsec_scale", (std::uint64_t{1} << 27) * 1000000000 / description.tick_rate, 4);
  constexpr std::uint64_t longest = 257;  // _SYS_NMLN
  const std::uint64_t name = parts.place("utsname", longest * 5);
  std::uint64_t at = name;
  for (const std::string& text : {std::string("SunOS"), std::string("foundry"), std::string("5.11"),
                                  description.release, std::string("i86pc")}) {
    parts.image.write_virtual(at, text);
    at += longest;
  }
}

/// What panicsys() leaves (uts/common/os/panic.c, uts/intel/ia32/os/archdep.c).
void build_illumos_death(IllumosParts& parts) {
  const Description& description = parts.description;
  const MachineText::Clock& clock = description.machine.clock;
  const std::uint64_t now = clock.boot + clock.uptime;
  const std::uint64_t time = parts.place("hrestime", std::uint64_t{2} * parts.word);
  parts.image.write_virtual(time, now, parts.word);
  const std::uint64_t died = parts.place("panic_hrestime", std::uint64_t{2} * parts.word);
  const bool panicked = !description.panic.empty();
  parts.number("panicstr", panicked ? parts.string(description.panic) : 0, parts.word);
  parts.number("panic_lbolt64", panicked ? clock.uptime * ticks_per_second : 0, 8);
  const std::uint64_t buffer = parts.place("panicbuf", 8192);
  const std::uint64_t cpu = parts.place("panic_cpu", parts.layout.size("cpu"));
  const std::uint64_t thread = parts.place("panic_thread", parts.word);
  if (!panicked) return;
  parts.image.write_virtual(died, now, parts.word);
  std::uint64_t at = buffer + 48;
  const auto pair = [&](const std::string& name, std::uint64_t value) {
    parts.image.write_virtual(at, name);
    parts.image.write_virtual(at + 16, value, 8);
    at += 24;
  };
  const bool wide = parts.word == 8;
  for (const ProcessText& process : description.processes)
    for (const ThreadText& one : process.threads) {
      if (!one.crashed) continue;
      parts.image.write_virtual(thread, one.address, parts.word);
      parts.set(cpu, "cpu", "cpu_id", static_cast<std::uint64_t>(one.cpu.value_or(0)));
      pair(wide ? "rdi" : "edi", 0x1234);
      pair(wide ? "rbp" : "ebp", one.fp);
      pair(wide ? "trapno" : "trapno", 14);
      pair("err", 2);
      pair(wide ? "rip" : "eip", one.frames.empty() ? 0 : one.frames.front());
      pair(wide ? "rsp" : "esp", one.sp);
    }
  parts.image.write_virtual(buffer, 2, 4);
  parts.image.write_virtual(buffer + 4, at - buffer, 4);
  parts.image.write_virtual(buffer + 8, "00000000-1111-2222-3333-444444444444");
  parts.image.write_virtual(at, description.panic);
}

}  // namespace foundry
