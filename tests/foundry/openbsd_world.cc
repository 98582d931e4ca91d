#include <fmt/format.h>

#include <algorithm>

#include "tests/foundry/description.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/layout_types.h"
#include "tests/foundry/openbsd_layout.h"
#include "tests/foundry/openbsd_objects.h"
#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

/// UPAGES, sys/arch/*/include/param.h: pages of a struct user with the kernel stack behind it.
std::uint64_t user_pages(const Image& image) {
  if (image.architecture == "i386") return 3;
  return image.architecture == "x86_64" ? 6 : 5;
}

/// Words that cpu_switchto() leaves on the stack, the return address the last.
std::uint64_t words_of_switch(const Image& image) {
  if (image.architecture == "i386") return 4;
  return image.architecture == "x86_64" ? 7 : 12;
}

class World {
 public:
  explicit World(Description& description)
      : description_(description),
        image_(description.image),
        layout_(openbsd_layout(description.layout, image_.pointer())),
        heap_(description.heap),
        word_(image_.pointer()),
        objects_(description, layout_, heap_, place("uvm_vnodeops", 128)) {}

  void build() {
    texts();
    // process0 and proc0 are variables, the others lie wherever.
    for (ProcessText& process : description_.processes) {
      const std::uint64_t size = layout_.size("process");
      process.address = process.pid == 0 ? place("process0", size) : heap_.take(size);
      for (ThreadText& thread : process.threads) {
        const bool first = process.pid == 0 && &thread == &process.threads.front();
        const std::uint64_t bytes = layout_.size("proc");
        thread.address = first ? place("proc0", bytes) : heap_.take(bytes);
      }
    }
    // An arm64 kernel writes no dump.
    const std::uint64_t dumppcb =
        image_.architecture == "aarch64" ? 0 : place("dumppcb", layout_.size("pcb"));
    processors();
    objects_.mounts(place("mountlist", std::uint64_t{2} * word_));
    list("allprocess", false);
    list("zombprocess", true);
    for (ProcessText& process : description_.processes) {
      objects_.set(process.address, "process", "ps_pid", static_cast<std::uint64_t>(process.pid));
      // As long as the kernel has room for.
      const std::uint64_t room = layout_.find("process", "ps_comm")->size - 1;
      if (process.name.size() > room) process.name.resize(static_cast<std::size_t>(room));
      objects_.set_text(process.address, "process", "ps_comm", process.name);
      if (process.pid == 1) number("initprocess", process.address, word_);
      std::uint64_t link = process.address + layout_.offset("process", "ps_threads");
      for (ThreadText& thread : process.threads) {
        image_.write_virtual(link, thread.address, word_);
        link = thread.address + layout_.offset("proc", "p_thr_link");
        fill(thread, process, dumppcb);
      }
      objects_.process(process);
    }
    counters();
    message_buffer("msgbufp", description_.log);
    message_buffer("consbufp", {LogText{std::nullopt, "what the console showed", 0}});
    pmap();
  }

 private:
  std::uint64_t place(const std::string& name, std::uint64_t size) {
    const std::uint64_t at = heap_.take(size);
    image_.symbols.push_back({name, at, size, 'D'});
    return at;
  }
  void number(const std::string& name, std::uint64_t value, unsigned width) {
    image_.write_virtual(place(name, width), value, width);
  }
  void text(const std::string& name, const std::string& value) {
    image_.write_virtual(place(name, value.size() + 1), value);
  }

  /// conf/newvers.sh and kern_tc.c.
  void texts() {
    const MachineText::Clock& clock = description_.machine.clock;
    text("ostype", "OpenBSD");
    text("osrelease", description_.release);
    text("version", fmt::format("OpenBSD {} (GENERIC.MP) #335: Mon Sep 30 08:55:34 MDT 2024\n"
                                "    deraadt@foundry:/usr/src/sys/arch/compile/GENERIC.MP\n",
                                description_.release));
    text("hostname", "foundry.example.org");
    if (clock.boot != 0) {
      number("time_second", clock.boot + clock.uptime, 8);
      number("time_uptime", clock.uptime, 8);
    }
    number("stathz", description_.tick_rate, 4);
    number("hz", 100, 4);
    number("nprocesses", description_.processes.size(), 4);
    std::uint64_t threads = 0;
    for (const ProcessText& process : description_.processes) threads += process.threads.size();
    number("nthreads", threads, 4);
  }

  void processors() {
    std::uint64_t count = 1;
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.cpu) count = std::max(count, static_cast<std::uint64_t>(*thread.cpu) + 1);
    number("ncpus", count, 4);
    std::uint64_t link = place("cpu_info_list", word_);
    auto& texts = description_.machine.cpus;
    for (std::uint64_t index = 0; index < count; ++index) {
      const std::uint64_t cpu = objects_.make("cpu_info");
      cpus_.push_back(cpu);
      image_.write_virtual(link, cpu, word_);
      link = cpu + layout_.offset("cpu_info", "ci_next");
      objects_.set(cpu, "cpu_info", "ci_cpuid", index);
      for (MachineText::Cpu& text : texts)
        if (text.number == index) {
          text.base = cpu;
          objects_.set(cpu, "cpu_info", "ci_schedstate.spc_nrun", text.runnable);
        }
      image_.cpus.push_back({});
    }
    std::size_t crashed = 0;
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.crashed) crashed = static_cast<std::size_t>(*thread.cpu);
    if (description_.panic.empty()) {
      number("panicstr", 0, word_);
      objects_.set(cpus_[crashed], "cpu_info", "ci_ddb_paused", 4);  // CI_DDB_INDDB
    } else if (objects_.has("cpu_info", "ci_panicbuf")) {
      objects_.set_text(cpus_[crashed], "cpu_info", "ci_panicbuf", description_.panic);
      number("panicstr", cpus_[crashed] + layout_.offset("cpu_info", "ci_panicbuf"), word_);
    } else {
      number("panicstr", objects_.string(description_.panic), word_);
    }
  }

  void list(const std::string& head, bool zombies) {
    std::uint64_t link = place(head, word_);
    for (const ProcessText& process : description_.processes) {
      if (process.zombie != zombies) continue;
      image_.write_virtual(link, process.address, word_);
      link = process.address + layout_.offset("process", "ps_list");
    }
  }

  /// p_stat, sys/sys/proc.h.
  static unsigned state(const ThreadText& thread) {
    if (thread.cpu) return 7;                                             // SONPROC
    if (thread.state == "new") return 1;                                  // SIDL
    if (thread.state == "running") return 2;                              // SRUN
    if (thread.state == "stopped" || thread.state == "traced") return 4;  // SSTOP
    return thread.state == "dead" ? 6 : 3;                                // SDEAD, SSLEEP
  }

  void fill(ThreadText& thread, const ProcessText& process, std::uint64_t dumppcb) {
    const std::uint64_t at = thread.address;
    objects_.set(at, "proc", "p_p", process.address);
    objects_.set(at, "proc", "p_tid", static_cast<std::uint64_t>(thread.tid));
    if (objects_.has("proc", "p_name")) objects_.set_text(at, "proc", "p_name", thread.name);
    objects_.set(at, "proc", "p_stat", state(thread));
    const bool sleeps = state(thread) == 3;
    if (sleeps && thread.state != "uninterruptible") objects_.set(at, "proc", "p_flag", 0x80);
    objects_.set(at, "proc", "p_priority", thread.priority);
    objects_.set(at, "proc", "p_runpri", sleeps ? thread.priority + 1 : thread.priority);
    objects_.set(at, "proc", "p_slppri", sleeps ? thread.priority : thread.priority + 1);
    objects_.set(at, "proc", "p_wchan", thread.channel);
    // An old one stays behind in a thread that sleeps no more.
    const std::string message = thread.message.empty() ? "stale" : thread.message;
    objects_.set(at, "proc", "p_wmesg", objects_.string(message));
    const std::uint64_t last =
        thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) : thread.last_cpu;
    objects_.set(at, "proc", "p_cpu", cpus_.at(static_cast<std::size_t>(last)));
    times(thread);
    stack(thread, dumppcb);
    if (!thread.cpu) return;
    const std::uint64_t cpu = cpus_.at(static_cast<std::size_t>(*thread.cpu));
    objects_.set(cpu, "cpu_info", "ci_curproc", at);
    if (thread.name.starts_with("idle"))
      objects_.set(cpu, "cpu_info", "ci_schedstate.spc_idleproc", at);
    image_.cpus.at(static_cast<std::size_t>(*thread.cpu)) = {
        static_cast<std::uint64_t>(thread.tid), thread.frames.empty() ? 0 : thread.frames.front(),
        thread.sp, thread.fp};
  }

  /// Until 7.3 new run time, until 7.5 new ticks are kept apart.
  void times(const ThreadText& thread) {
    const std::uint64_t at = thread.address;
    const auto put = [&](const std::string& member, std::uint64_t microseconds) {
      objects_.set(at, "proc", member + ".tv_sec", microseconds / 1000000);
      objects_.set(at, "proc", member + ".tv_nsec", microseconds % 1000000 * 1000);
    };
    const bool apart = objects_.has("proc", "p_rtime.tv_sec");
    put("p_tu.tu_runtime", apart ? thread.run_ticks - thread.new_ticks : thread.run_ticks);
    put("p_rtime", thread.new_ticks);
    const bool ticks_apart = objects_.has("proc", "p_uticks");
    objects_.set(at, "proc", "p_uticks", thread.user_ticks);
    objects_.set(at, "proc", "p_sticks", thread.system_ticks);
    // What was added up already is in its process's too.
    objects_.set(at, "proc", "p_tu.tu_uticks", ticks_apart ? 1000 : thread.user_ticks);
    objects_.set(at, "proc", "p_tu.tu_sticks", ticks_apart ? 2000 : thread.system_ticks);
  }

  /// Frame records: [fp] the caller's fp, [fp + word] the return address. The same on x86 and
  /// AArch64.
  void stack(ThreadText& thread, std::uint64_t dumppcb) {
    const std::uint64_t size = user_pages(image_) * image_.page;
    thread.stack_pages = user_pages(image_);
    thread.stack = heap_.take_aligned(size, image_.page);
    objects_.set(thread.address, "proc", "p_addr", thread.stack);
    const std::uint64_t top = thread.stack + size;
    const std::uint64_t bytes = 64 * (thread.frames.size() + 1);
    thread.sp = top - 512 - bytes, thread.fp = thread.sp + 32;
    std::uint64_t fp = thread.fp;
    for (std::size_t index = 1; index < thread.frames.size(); ++index) {
      const bool last = index + 1 == thread.frames.size();
      image_.write_virtual(fp, last ? 0 : fp + 64, word_);
      image_.write_virtual(fp + word_, thread.frames[index], word_);
      fp += 64;
    }
    const std::uint64_t pc = thread.frames.empty() ? 0 : thread.frames.front();
    const std::uint64_t pcb = thread.stack + layout_.offset("user", "u_pcb");
    const auto save = [&](std::uint64_t place, std::uint64_t sp) {
      objects_.set(place, "pcb", "pcb_rsp", sp), objects_.set(place, "pcb", "pcb_rbp", thread.fp);
      objects_.set(place, "pcb", "pcb_esp", sp), objects_.set(place, "pcb", "pcb_ebp", thread.fp);
      objects_.set(place, "pcb", "pcb_sp", sp);
    };
    objects_.set(pcb, "pcb", "pcb_cr3", image_.table_area.start);
    objects_.set(pcb, "pcb", "pcb_kstack", top - 16);
    if (!thread.cpu) {
      const std::uint64_t words = words_of_switch(image_), at = thread.sp - words * word_;
      save(pcb, at);
      image_.write_virtual(at + (words - 1) * word_, pc, word_);
      if (image_.architecture == "aarch64")
        image_.write_virtual(at + (words - 2) * word_, thread.fp, word_);
    } else {
      // What it had when it was switched out last.
      save(pcb, top - 256);
      image_.write_virtual(top - 256 + (words_of_switch(image_) - 1) * word_, 0xbad, word_);
    }
    if (!thread.crashed || description_.panic.empty() || dumppcb == 0) return;
    save(dumppcb, thread.sp - word_);
    image_.write_virtual(thread.sp - word_, pc, word_);
  }

  void counters() {
    const MachineText& machine = description_.machine;
    const std::uint64_t load = place("averunnable", layout_.size("loadavg"));
    for (std::size_t i = 0; i < machine.load.averages.size(); ++i)
      image_.write_virtual(load + layout_.offset("loadavg", "ldavg") + 4 * i,
                           machine.load.averages[i], 4);
    objects_.set(load, "loadavg", "fscale", machine.load.scale);

    const std::uint64_t pages = place("uvmexp", layout_.size("uvmexp"));
    const auto put = [&](const char* member, std::uint64_t value) {
      objects_.set(pages, "uvmexp", member, value);
    };
    if (!machine.domains.empty()) {
      const MachineText::Domain& domain = machine.domains.front();
      put("npages", domain.pages), put("free", domain.free), put("active", domain.active);
      put("inactive", domain.inactive);
    }
    put("wired", machine.memory.wired);
    std::uint64_t all = 0, used = 0;
    for (const MachineText::Swap& swap : machine.swaps) all += swap.blocks, used += swap.used;
    put("swpages", all), put("swpginuse", used);
    swap();
  }

  /// Each area has a priority of its own.
  void swap() {
    std::uint64_t link = place("swap_priority", word_), priority = 0;
    for (MachineText::Swap& swap : description_.machine.swaps) {
      const std::uint64_t level = objects_.make("swappri"),
                          area = swap.address = objects_.make("swapdev");
      image_.write_virtual(link, level, word_);
      link = level + layout_.offset("swappri", "spi_swappri");
      objects_.set(level, "swappri", "spi_priority", priority);
      objects_.set(level, "swappri", "spi_swapdev", area);
      objects_.set(area, "swapdev", "swd_se.se_priority", priority++);
      objects_.set(area, "swapdev", "swd_se.se_nblks", swap.blocks * 8);  // of 512 bytes
      objects_.set(area, "swapdev", "swd_npages", swap.blocks);
      objects_.set(area, "swapdev", "swd_npginuse", swap.used);
      objects_.set(area, "swapdev", "swd_path", objects_.string(swap.path));
      objects_.set(area, "swapdev", "swd_pathlen", swap.path.size() + 1);
      objects_.set(area, "swapdev", "swd_vp", objects_.vnode(swap.path, swap.is_device ? 3 : 1));
    }
  }

  // struct msgbuf (sys/sys/msgbuf.h) with a ring that has wrapped: the oldest line begins in its
  // middle. A FreeBSD kernel's has another magic.
  void message_buffer(const std::string& name, const std::vector<LogText>& lines) {
    std::string all;
    for (const LogText& line : lines)
      all += (line.level ? fmt::format("<{}>", *line.level) : "") + line.text + "\n";
    const std::uint64_t size = all.size() + 16, next = 7;
    const std::uint64_t buffer = heap_.take(layout_.offset("msgbuf", "msg_bufc") + size);
    const std::uint64_t ring = buffer + layout_.offset("msgbuf", "msg_bufc");
    for (std::size_t index = 0; index < all.size(); ++index)
      image_.write_virtual(ring + (next + 16 + index) % size, static_cast<std::uint8_t>(all[index]),
                           1);
    objects_.set(buffer, "msgbuf", "msg_magic", 0x063061);
    objects_.set(buffer, "msgbuf", "msg_bufx", next);
    objects_.set(buffer, "msgbuf", "msg_bufs", size);
    number(name, buffer, word_);
  }

  void pmap() {
    place(image_.architecture == "aarch64" ? "kernel_pmap_" : "kernel_pmap_store",
          layout_.size("pmap"));
    if (image_.architecture == "i386") place("PTDpaddr", word_);
  }

  Description& description_;
  Image& image_;
  KernelLayout layout_;
  Heap heap_;
  unsigned word_;
  OpenBsdObjects objects_;
  std::vector<std::uint64_t> cpus_;  ///< of struct cpu_info
};

}  // namespace

void build_openbsd(Description& description) { World(description).build(); }

/// The kernel's own pmap and those of the processes, which share its page tables.
void finish_openbsd(Description& description) {
  Image& image = description.image;
  const KernelLayout layout = openbsd_layout(description.layout, image.pointer());
  const auto put = [&](std::uint64_t pmap, const char* member, std::uint64_t value) {
    if (const KernelLayout::Member* found = layout.find("pmap", member))
      image.write_virtual(pmap + found->offset, value, static_cast<unsigned>(found->size));
  };
  const auto root_in = [&](std::uint64_t pmap) {
    put(pmap, "pm_pdirpa", image.root);
    put(pmap, "pm_pt0pa", image.root);
  };
  for (const Symbol& symbol : image.symbols) {
    if (symbol.name == "kernel_pmap_store") root_in(symbol.address);
    if (symbol.name == "PTDpaddr") image.write_virtual(symbol.address, image.root, image.pointer());
    if (symbol.name != "kernel_pmap_") continue;
    // The tables lie within what was mapped with the kernel (pmap_bootstrap).
    put(symbol.address, "pm_pt0pa", image.table_area.end - image.page);
    for (const Mapping& mapping : image.mappings)
      if (image.root >= mapping.physical && image.root - mapping.physical < mapping.size)
        put(symbol.address, "pm_vp.l1", mapping.virtual_address + (image.root - mapping.physical));
  }
  for (const ProcessText& process : description.processes) {
    if (process.space == 0) continue;
    const KernelLayout::Member* map = layout.find("vmspace", "vm_map.pmap");
    root_in(image.read(image.physical_of(process.space + map->offset), image.pointer()));
  }
}

Blob openbsd_types(const Description& description, const CtfStyle& style) {
  return LayoutTypes(openbsd_layout(description.layout, description.image.pointer()), style)
      .write(description.image);
}

}  // namespace foundry
