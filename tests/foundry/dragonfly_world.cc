#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "tests/foundry/dragonfly_layout.h"
#include "tests/foundry/dragonfly_objects.h"
#include "tests/foundry/layout_types.h"
#include "tests/foundry/worlds.h"

// DragonFly sys/kern/kern_proc.c, lwkt_thread.c, kern_shutdown.c, sys/platform/pc64/x86_64/swtch.s.

namespace foundry {
namespace {

constexpr std::uint64_t lists = 256;  // ALLPROC_HSIZE

class World {
 public:
  explicit World(Description& description)
      : description_(description),
        image_(description.image),
        layout_(dragonfly_layout(description.layout)),
        heap_(description.heap),
        maker_(description, layout_, heap_) {}

  void build() {
    identity();
    maker_.mounts();
    cpus();
    const std::uint64_t dumppcb = maker_.variable("dumppcb", layout_.size("pcb"));
    stopped_ = maker_.variable("stoppcbs", layout_.size("pcb") * globaldata_.size());
    dying_ = dumppcb;
    dumpthread_ = maker_.variable("dumpthread", 8);
    processes();
    for (ThreadText& thread : description_.kernel_threads) kernel_thread(thread);
    for (std::size_t cpu = 0; cpu < globaldata_.size(); ++cpu)
      maker_.link(maker_.place(globaldata_[cpu], "globaldata", "gd_tdallq"), "thread", "td_allq",
                  threads_[cpu]);
    modules();
    machine();
    message_buffer();
  }

 private:
  void number(const std::string& name, std::uint64_t value, unsigned width) {
    maker_.number(name, value, width);
  }
  void text(const std::string& name, const std::string& value) {
    image_.write_virtual(maker_.variable(name, value.size() + 1), value);
  }

  void identity() {
    const MachineText::Clock& clock = description_.machine.clock;
    number("KPML4phys", 0, 8);
    number("osreldate", description_.version, 4);
    text("osrelease", description_.release);
    text("version", fmt::format("DragonFly v{} #0: foundry\n", description_.release));
    text("hostname", "made.example");
    if (description_.panic.empty())
      number("panicstr", 0, 8);
    else
      number("panicstr", maker_.string(description_.panic), 8);
    const std::uint64_t boot = maker_.variable("boottime", 16);
    image_.write_virtual(boot, clock.boot, 8);
    number("time_second", clock.boot + clock.uptime, 8);
    number("time_uptime", clock.uptime, 8);
  }

  void cpus() {
    std::uint64_t count = 1;
    const auto see = [&](const ThreadText& thread) {
      count = std::max({count, thread.last_cpu + 1,
                        thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) + 1 : 0});
    };
    for (const ProcessText& process : description_.processes)
      std::for_each(process.threads.begin(), process.threads.end(), see);
    std::for_each(description_.kernel_threads.begin(), description_.kernel_threads.end(), see);
    for (const MachineText::Cpu& cpu : description_.machine.cpus)
      count = std::max(count, cpu.number + 1);
    threads_.resize(static_cast<std::size_t>(count));
    const std::uint64_t table = maker_.variable("CPU_prvspace", lists * 8);
    for (std::uint64_t cpu = 0; cpu < count; ++cpu) {
      globaldata_.push_back(heap_.take_aligned(layout_.size("globaldata"), 64));
      image_.write_virtual(table + cpu * 8, globaldata_.back(), 8);
      maker_.set(globaldata_.back(), "globaldata", "gd_cpuid", cpu);
    }
    for (MachineText::Cpu& cpu : description_.machine.cpus) {
      cpu.base = globaldata_[static_cast<std::size_t>(cpu.number)];
      maker_.set(cpu.base, "globaldata", "gd_tdrunqcount", cpu.runnable);
    }
    number("ncpus", count, 4);
  }

  void processes() {
    number("allproc_hsize", lists, 4);
    const std::uint64_t size = layout_.size("procglob");
    const std::uint64_t table = maker_.variable("procglob", lists * size);
    std::vector<std::uint64_t> last(lists);
    for (std::uint64_t i = 0; i < lists; ++i)
      last[static_cast<std::size_t>(i)] = maker_.place(table + i * size, "procglob", "allproc");
    for (ProcessText& process : description_.processes) {
      process.address =
          process.pid == 0 ? maker_.variable("proc0", layout_.size("proc")) : maker_.make("proc");
      std::uint64_t& link = last[static_cast<std::uint64_t>(process.pid) % lists];
      image_.write_virtual(link, process.address, 8);
      link = maker_.place(process.address, "proc", "p_list");
      if (process.pid == 1) number("initproc", process.address, 8);
    }
    DragonFlyProcesses objects(maker_);
    for (ProcessText& process : description_.processes) {
      const std::uint64_t at = process.address;
      maker_.set(at, "proc", "p_pid", static_cast<std::uint64_t>(process.pid));
      maker_.set_text(at, "proc", "p_comm", process.name);
      maker_.set(at, "proc", "p_stat", process_state(process));
      for (const ProcessText& parent : description_.processes)
        if (parent.pid == process.ppid && process.pid != 0)
          maker_.set(at, "proc", "p_pptr", parent.address);
      std::vector<std::uint64_t> lwps;
      for (ThreadText& thread : process.threads) lwps.push_back(lwp(thread, at));
      maker_.tree(maker_.place(at, "proc", "p_lwp_tree.rbh_root"), "lwp", "u.lwp_rbnode", lwps);
      objects.fill(process, description_.machine.clock.boot);
    }
  }

  static std::uint64_t process_state(const ProcessText& process) {
    if (process.zombie) return 4;
    if (process.threads.empty()) return 1;
    return process.threads.front().state == "stopped" || process.threads.front().state == "traced"
               ? 3
               : 2;
  }

  std::uint64_t lwp(ThreadText& thread, std::uint64_t process) {
    const std::uint64_t lwp = maker_.make("lwp");
    thread.address = heap_.take_aligned(layout_.size("thread"), 64);
    maker_.set(lwp, "lwp", "lwp_tid", static_cast<std::uint64_t>(thread.tid));
    maker_.set(lwp, "lwp", "lwp_thread", thread.address);
    maker_.set(lwp, "lwp", "lwp_rtprio.type", thread.scheduling_class);
    const bool runs = thread.cpu || thread.state == "running";
    const bool stopped = thread.state == "stopped" || thread.state == "traced";
    maker_.set(lwp, "lwp", "lwp_stat", runs ? 1 : stopped ? 2 : 3);
    if (thread.state.empty() || thread.state == "sleeping")
      maker_.set(lwp, "lwp", "lwp_flags", 0x8);
    maker_.set(thread.address, "thread", "td_lwp", lwp);
    maker_.set(thread.address, "thread", "td_proc", process);
    fill(thread, runs ? 0x3 : 0, true);
    return lwp;
  }

  /// One of the kernel's own. "idle_0" is what the processor has for when there is nothing to do.
  void kernel_thread(ThreadText& thread) {
    const bool rests = thread.name.starts_with("idle_");
    thread.address =
        rests ? maker_.place(globaldata_.at(cpu_of(thread)), "globaldata", "gd_idlethread")
              : heap_.take_aligned(layout_.size("thread"), 64);
    const std::uint64_t flags = thread.cpu || thread.state == "running" ? 0x3
                                : thread.state == "idle" && !rests      ? 0x10000
                                : thread.state == "sleeping"            ? 0x40
                                                                        : 0;
    fill(thread, flags, false);
  }

  static std::size_t cpu_of(const ThreadText& thread) {
    return static_cast<std::size_t>(thread.cpu ? static_cast<std::uint64_t>(*thread.cpu)
                                               : thread.last_cpu);
  }

  void fill(ThreadText& thread, std::uint64_t flags, bool heavy) {
    const std::uint64_t at = thread.address;
    const auto set = [&](std::string_view path, std::uint64_t value) {
      maker_.set(at, "thread", path, value);
    };
    maker_.set_text(at, "thread", "td_comm", thread.name);
    set("td_flags", flags);
    set("td_pri", thread.priority);
    set("td_gd", globaldata_.at(cpu_of(thread)));
    set("td_wchan", thread.channel);
    if (!thread.message.empty()) set("td_wmesg", maker_.string(thread.message));
    set("td_uticks", thread.user_ticks);
    set("td_sticks", thread.system_ticks);
    set("td_iticks", thread.new_ticks);
    threads_.at(cpu_of(thread)).push_back(at);
    stack(thread);
    set("td_kstack", thread.stack);
    set("td_kstack_size", thread.stack_pages * image_.page);
    const std::uint64_t own = maker_.make("pcb");
    set("td_pcb", own);
    if (thread.cpu) {
      maker_.set(globaldata_.at(cpu_of(thread)), "globaldata", "gd_curthread", at);
      for (MachineText::Cpu& cpu : description_.machine.cpus)
        if (cpu.base == globaldata_.at(cpu_of(thread))) cpu.current = at;
    }
    if (thread.crashed) {
      image_.write_virtual(dumpthread_, at, 8);
      pcb(dying_, thread);
    } else if (thread.cpu) {
      pcb(stopped_ + layout_.size("pcb") * cpu_of(thread), thread);
    } else if (heavy) {
      // cpu_heavy_switch: registers in the pcb; on the stack the flags and what restores it.
      pcb(own, thread);
      image_.write_virtual(thread.sp - 16, 0x246, 8);
      image_.write_virtual(thread.sp - 24, symbol("cpu_heavy_restore"), 8);
      set("td_sp", thread.sp - 24);
    } else {
      // cpu_lwkt_switch: the return address, then rbp, rbx, r12 to r15 and the flags below it.
      const std::uint64_t pc = thread.frames.empty() ? 0 : thread.frames.front();
      std::uint64_t at_stack = thread.sp;
      for (const std::uint64_t pushed : {pc, thread.fp, std::uint64_t{0xb0b}, std::uint64_t{12},
                                         std::uint64_t{13}, std::uint64_t{14}, std::uint64_t{15},
                                         std::uint64_t{0x246}, symbol("cpu_lwkt_restore")}) {
        at_stack -= 8;
        image_.write_virtual(at_stack, pushed, 8);
      }
      set("td_sp", at_stack);
    }
  }

  std::uint64_t symbol(std::string_view name) const {
    for (const Symbol& one : image_.symbols)
      if (one.name == name) return one.address;
    throw std::runtime_error("the description needs the symbol " + std::string(name));
  }

  /// Frame records: [fp] the caller's fp, [fp + 8] the return address; room below for what a switch
  /// pushes.
  void stack(ThreadText& thread) {
    const std::uint64_t bytes = 64 * (thread.frames.size() + 3);
    std::uint64_t base = 0;
    if (thread.stack_pages != 0) {
      thread.stack = heap_.take_aligned(thread.stack_pages * image_.page, image_.page);
      base = thread.stack + thread.stack_pages * image_.page - bytes;
    } else {
      base = heap_.take(bytes);
    }
    thread.sp = base + 128, thread.fp = thread.sp + 32;
    std::uint64_t fp = thread.fp;
    for (std::size_t index = 1; index < thread.frames.size(); ++index) {
      const bool last = index + 1 == thread.frames.size();
      image_.write_virtual(fp, last ? 0 : fp + 64, 8);
      image_.write_virtual(fp + 8, thread.frames[index], 8);
      fp += 64;
    }
  }

  /// As savectx and cpu_heavy_switch save them: the return address is still on the stack.
  void pcb(std::uint64_t at, const ThreadText& thread) {
    const std::uint64_t pc = thread.frames.empty() ? 0 : thread.frames.front();
    maker_.set(at, "pcb", "pcb_rbp", thread.fp);
    maker_.set(at, "pcb", "pcb_rsp", thread.sp - 8);
    maker_.set(at, "pcb", "pcb_rip", pc);
    image_.write_virtual(thread.sp - 8, pc, 8);
  }

  void modules() {
    std::map<std::string, std::uint64_t> named;
    std::vector<std::uint64_t> all;
    for (MachineText::Module& module : description_.machine.modules) {
      module.address = named[module.name] = maker_.make("linker_file");
      all.push_back(module.address);
    }
    for (MachineText::Module& module : description_.machine.modules) {
      const auto set = [&](std::string_view path, std::uint64_t value) {
        maker_.set(module.address, "linker_file", path, value);
      };
      set("filename", maker_.string(module.name));
      set("refs", static_cast<std::uint64_t>(module.references));
      set("flags", module.flags);
      set("address", module.start);
      set("size", module.size);
      set("ndeps", module.needs.size());
      const std::uint64_t needs = maker_.take(module.needs.size() * 8 + 8);
      for (std::size_t i = 0; i < module.needs.size(); ++i)
        image_.write_virtual(needs + i * 8, named.at(module.needs[i]), 8);
      set("deps", needs);
      if (!module.symbols.empty()) set("priv", symbols(module));
    }
    maker_.link(maker_.variable("linker_files", 16), "linker_file", "link", all);
  }

  /// struct elf_file of sys/kern/link_elf_obj.c with its ELF symbol table.
  std::uint64_t symbols(const MachineText::Module& module) {
    const std::uint64_t file = maker_.take(160);
    const std::uint64_t table = maker_.take(24 * (module.symbols.size() + 1));
    std::string names(1, '\0');
    std::uint64_t at = table + 24;  // the first is no symbol
    for (const Symbol& one : module.symbols) {
      const bool code = one.type == 'T' || one.type == 't';
      image_.write_virtual(at, names.size(), 4);
      image_.write_virtual(at + 4, (one.type < 'a' ? 0x10U : 0U) + (code ? 2U : 1U), 1);
      image_.write_virtual(at + 6, 1, 2);
      image_.write_virtual(at + 8, one.address, 8);
      image_.write_virtual(at + 16, one.size, 8);
      names += one.name + '\0';
      at += 24;
    }
    const std::uint64_t texts = maker_.take(names.size());
    image_.write_virtual(texts, names);
    image_.write_virtual(file + 88, table, 8);
    image_.write_virtual(file + 96, module.symbols.size() + 1, 8);
    image_.write_virtual(file + 104, texts, 8);
    image_.write_virtual(file + 112, names.size(), 8);
    return file;
  }

  void machine() {
    MachineText& all = description_.machine;
    const std::uint64_t load = maker_.variable("averunnable", layout_.size("loadavg"));
    for (std::size_t i = 0; i < 3; ++i)
      image_.write_virtual(maker_.place(load, "loadavg", "ldavg") + i * 8, all.load.averages[i], 8);
    maker_.set(load, "loadavg", "fscale", all.load.scale);

    const std::uint64_t size = layout_.size("swdevt");
    const std::uint64_t areas = maker_.take(size * 4);
    number("swdevt", areas, 8);
    number("nswdev", 4, 4);
    for (std::size_t i = 0; i < all.swaps.size(); ++i) {
      MachineText::Swap& swap = all.swaps[i];
      swap.address = areas + i * size;
      maker_.set(swap.address, "swdevt", "sw_nblks", swap.blocks);
      maker_.set(swap.address, "swdevt", "sw_nused", swap.used);
      maker_.set(swap.address, "swdevt", "sw_vp", maker_.vnode(swap.path, swap.is_device ? 4 : 1));
      if (swap.is_device)
        maker_.set(swap.address, "swdevt", "sw_device", maker_.device(swap.path.substr(5)));
    }

    const std::uint64_t counters = maker_.variable("vmstats", layout_.size("vmstats"));
    const MachineText::Domain memory = all.domains.empty() ? MachineText::Domain{} : all.domains[0];
    const auto set = [&](std::string_view path, std::uint64_t value) {
      maker_.set(counters, "vmstats", path, value);
    };
    set("v_page_size", 4096), set("v_page_count", memory.pages);
    set("v_free_count", memory.free), set("v_active_count", memory.active);
    set("v_inactive_count", memory.inactive), set("v_cache_count", memory.laundry);
    set("v_wire_count", all.memory.wired);
    number("physmem", all.memory.physical, 8);
  }

  void message_buffer() {
    std::string all;
    for (const LogText& line : description_.log)
      all += (line.level ? fmt::format("<{}>", *line.level) : "") + line.text + "\n";
    // The ring is larger than the text and has wrapped.
    const std::uint64_t size = all.size() + 16, write_at = 7;
    const std::uint64_t ring = heap_.take(size), header = heap_.take(32);
    for (std::size_t index = 0; index < all.size(); ++index)
      image_.write_virtual(ring + (write_at + 16 + index) % size,
                           static_cast<std::uint8_t>(all[index]), 1);
    image_.write_virtual(header, 0x063064, 4);
    image_.write_virtual(header + 4, size, 4);
    image_.write_virtual(header + 8, write_at + 3 * size, 4);
    image_.write_virtual(header + 12, write_at + 2 * size, 4);
    image_.write_virtual(header + 16, ring, 8);
    number("msgbufp", header, 8);
  }

  Description& description_;
  Image& image_;
  KernelLayout layout_;
  Heap heap_;
  DragonFlyMaker maker_;
  std::vector<std::uint64_t> globaldata_;
  std::vector<std::vector<std::uint64_t>> threads_;  ///< of each processor
  std::uint64_t stopped_ = 0, dying_ = 0, dumpthread_ = 0;
};

std::uint64_t variable(const Image& image, std::string_view name) {
  for (const Symbol& symbol : image.symbols)
    if (symbol.name == name) return symbol.address;
  throw std::runtime_error("no variable " + std::string(name));
}

}  // namespace

void build_dragonfly(Description& description) { World(description).build(); }

void finish_dragonfly(Description& description) {
  Image& image = description.image;
  if (image.root == 0) return;
  const KernelLayout layout = dragonfly_layout(description.layout);
  image.write_virtual(variable(image, "KPML4phys"), image.root, 8);
  image.write_virtual(variable(image, "dumppcb") + layout.offset("pcb", "pcb_cr3"), image.root, 8);
  // The one process whose strings are described has the kernel's page tables, which map its memory
  // too; the kernel knows them by an address of its own.
  for (const Mapping& mapping : image.mappings) {
    if (image.root < mapping.physical || image.root >= mapping.physical + mapping.size) continue;
    for (const ProcessText& process : description.processes)
      if (process.size != 0 && process.strings != 0)
        image.write_virtual(process.space + layout.offset("vmspace", "vm_pmap.pm_pml4"),
                            mapping.virtual_address + (image.root - mapping.physical), 8);
    return;
  }
}

Blob dragonfly_types(const Description& description, const CtfStyle& style) {
  return LayoutTypes(dragonfly_layout(description.layout), style).write(description.image);
}

}  // namespace foundry
