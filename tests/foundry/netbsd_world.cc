#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tests/foundry/layout_types.h"
#include "tests/foundry/netbsd_layout.h"
#include "tests/foundry/netbsd_objects.h"
#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

class World {
 public:
  explicit World(Description& description)
      : description_(description),
        image_(description.image),
        layout_(netbsd_layout(description.layout, description.image.pointer())),
        heap_(description.heap),
        objects_(description, layout_, heap_),
        word_(image_.pointer()) {}

  void build() {
    words();
    message_buffer();
    objects_.place("uvm_vnodeops", 64);
    const std::uint64_t dumppcb = is_x86() ? objects_.place("dumppcb", layout_.size("pcb")) : 0;
    mounts();
    processors();
    processes();
    for (ProcessText& process : description_.processes) {
      std::vector<std::uint64_t> lwps;
      for (ThreadText& thread : process.threads) {
        lwps.push_back(thread.address);
        objects_.lwp(thread, process, cpus_, is_idle(thread));
        stack(thread, dumppcb);
        if (thread.cpu) current(thread);
      }
      objects_.link(process.address + layout_.offset("proc", "p_lwps"), "lwp", "l_sibling", lwps);
      objects_.process(process);
    }
    machine();
  }

 private:
  bool is_x86() const { return image_.architecture != "aarch64"; }
  static bool is_idle(const ThreadText& thread) { return thread.name.starts_with("idle/"); }
  void text(const std::string& name, const std::string& value) {
    image_.write_virtual(objects_.place(name, value.size() + 1), value);
  }

  void words() {
    text("osrelease", description_.release);
    text("version", fmt::format("NetBSD {} (FOUNDRY) #0: today\n", description_.release));
    text("hostname", "foundry.example");
    if (is_x86()) objects_.number("PDPpaddr", 0, word_);
    objects_.number("panicstr",
                    description_.panic.empty() ? 0 : objects_.string(description_.panic), word_);
    const MachineText::Clock& clock = description_.machine.clock;
    objects_.number("time_second", clock.boot + clock.uptime, 8);
    // NetBSD 10 keeps no time of boot.
    objects_.number(newer() ? "time__uptime" : "time_uptime", clock.uptime, 8);
    if (!newer()) objects_.number("boottime", clock.boot, 8);
  }
  bool newer() const { return layout_.find("mountlist_entry", "me_list") != nullptr; }

  /// struct kern_msgbuf: five longs, then the ring, which has wrapped once.
  void message_buffer() {
    if (description_.log.empty()) return;
    std::string all;
    for (const LogText& line : description_.log)
      all += (line.level ? fmt::format("<{}>", *line.level) : "") + line.text + "\n";
    const std::uint64_t size = all.size() + 16, write_at = 7;
    const std::uint64_t header = heap_.take(std::uint64_t{4} * word_ + size);
    const std::uint64_t ring = header + std::uint64_t{4} * word_;
    for (std::size_t index = 0; index < all.size(); ++index)
      image_.write_virtual(ring + (write_at + 16 + index) % size,
                           static_cast<std::uint8_t>(all[index]), 1);
    image_.write_virtual(header, 0x063061, word_);
    image_.write_virtual(header + word_, write_at, word_);
    image_.write_virtual(header + std::uint64_t{2} * word_, 3, word_);
    image_.write_virtual(header + std::uint64_t{3} * word_, size, word_);
    objects_.number("msgbufp", header, word_);
  }

  void mounts() {
    std::vector<std::uint64_t> listed;
    for (MachineText::Mounted& mounted : description_.machine.mounts) {
      mounted.address = objects_.mount(mounted);
      listed.push_back(mounted.address);
    }
    const std::uint64_t head = objects_.place("mountlist", std::uint64_t{2} * word_);
    if (!newer()) {
      objects_.link(head, "mount", "mnt_list", listed, head);  // a circle
      return;
    }
    std::vector<std::uint64_t> entries;
    const auto entry = [&](std::uint64_t mount, unsigned type) {
      entries.push_back(objects_.make("mountlist_entry"));
      objects_.set(entries.back(), "mountlist_entry", "me_mount", mount);
      objects_.set(entries.back(), "mountlist_entry", "me_type", type);
    };
    for (const std::uint64_t mount : listed) {
      entry(mount, 0);
      entry(mount, 1);  // where a walk is
    }
    objects_.link(head, "mountlist_entry", "me_list", entries);
  }

  void processors() {
    std::uint64_t count = 1;
    for (const MachineText::Cpu& cpu : description_.machine.cpus)
      count = std::max(count, cpu.number + 1);
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        count = std::max({count, thread.last_cpu + 1,
                          thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) + 1 : 0});
    objects_.number("ncpu", count, 4);
    for (std::uint64_t index = 0; index < count; ++index) {
      cpus_.push_back(objects_.make("cpu_info"));
      objects_.set(cpus_.back(), "cpu_info", "ci_data.cpu_index", index);
    }
    for (MachineText::Cpu& cpu : description_.machine.cpus) {
      cpu.base = cpus_.at(static_cast<std::size_t>(cpu.number));
      objects_.set(cpu.base, "cpu_info", "ci_data.cpu_schedstate.spc_count", cpu.runnable);
    }
    // A list, or an array with a null behind it.
    if (layout_.find("cpu_info", "ci_next") != nullptr) {
      const std::uint64_t head = objects_.place("cpu_info_list", word_);
      objects_.link(head, "cpu_info", "ci_next", cpus_);
    }
    if (!newer()) return;
    const std::uint64_t array = heap_.take((count + 1) * word_);
    for (std::uint64_t index = 0; index < count; ++index)
      image_.write_virtual(array + index * word_, cpus_[static_cast<std::size_t>(index)], word_);
    objects_.number("cpu_infos", array, word_);
  }

  void current(const ThreadText& thread) {
    const std::uint64_t cpu = cpus_.at(static_cast<std::size_t>(*thread.cpu));
    objects_.set(cpu, "cpu_info", "ci_curlwp", thread.address);
    objects_.set(cpu, "cpu_info", "ci_onproc", thread.address);
    for (MachineText::Cpu& described : description_.machine.cpus)
      if (described.base == cpu) described.current = thread.address;
    if (thread.crashed) objects_.number("paniccpu", cpu, word_);
  }

  /// Both lists, a marker of a walk on the first; the first process and its first lwp have symbols.
  void processes() {
    std::vector<std::uint64_t> living, dead;
    for (ProcessText& process : description_.processes) {
      process.address =
          process.pid == 0 ? objects_.place("proc0", layout_.size("proc")) : objects_.make("proc");
      (process.zombie ? dead : living).push_back(process.address);
      objects_.set(process.address, "proc", "p_pid", static_cast<std::uint64_t>(process.pid));
      objects_.set_text(process.address, "proc", "p_comm", process.name);
      for (ThreadText& thread : process.threads) {
        const bool first = process.pid == 0 && &thread == &process.threads.back();
        thread.address = first ? objects_.place("lwp0", layout_.size("lwp")) : objects_.make("lwp");
      }
      if (living.size() == 1 && dead.empty()) {
        living.push_back(objects_.make("proc"));
        objects_.set(living.back(), "proc", "p_flag", 0x80000000U);  // PK_MARKER
      }
    }
    objects_.link(objects_.place("allproc", word_), "proc", "p_list", living);
    objects_.link(objects_.place("zombproc", word_), "proc", "p_list", dead);
    objects_.number("nprocs", description_.processes.size(), 4);
  }

  /// The kernel stack of a lwp: struct pcb at its bottom; at its top what cpu_switchto pushed and
  /// the frame records above: [fp] the caller's fp, [fp + word] the return address.
  void stack(ThreadText& thread, std::uint64_t dumppcb) {
    const std::uint64_t pages = std::max<std::uint64_t>(thread.stack_pages, 2);
    const std::uint64_t bytes = pages * image_.page;
    thread.stack_pages = pages;
    thread.stack = heap_.take_aligned(bytes, image_.page);
    objects_.set(thread.address, "lwp", "l_addr", thread.stack);
    const std::uint64_t top = thread.stack + bytes - 64;
    objects_.set(thread.stack, "pcb", "pcb_rsp0", top);
    objects_.set(thread.stack, "pcb", "pcb_esp0", top);
    const std::uint64_t trap = is_x86() ? 0 : layout_.size("trapframe");
    const std::uint64_t user_frame = (thread.stack + bytes - trap) / 16 * 16;
    objects_.set(thread.address, "lwp", "l_md.md_utf", user_frame);
    if (thread.frames.empty()) return;

    thread.sp = (is_x86() ? top : user_frame) - 64 * (thread.frames.size() + 1);
    thread.fp = thread.sp + 32;
    std::uint64_t fp = thread.fp;
    for (std::size_t index = 1; index < thread.frames.size(); ++index) {
      const bool last = index + 1 == thread.frames.size();
      image_.write_virtual(fp, last ? 0 : fp + 64, word_);
      image_.write_virtual(fp + word_, thread.frames[index], word_);
      fp += 64;
    }
    // Nobody saved the registers of what ran but those of the dying thread, and they on x86 alone.
    const std::vector<std::uint64_t> frames = thread.frames;
    if (thread.cpu && (!thread.crashed || !is_x86())) thread.frames.clear();
    if (!is_x86()) {
      if (thread.cpu) return;  // pcb_tf is null while it runs
      const std::uint64_t frame = thread.sp - trap;
      const std::uint64_t first = frame + layout_.offset("trapframe", "tf_regs.r_reg");
      image_.write_virtual(first + std::uint64_t{29} * 8, thread.fp, 8);
      image_.write_virtual(first + std::uint64_t{30} * 8, thread.frames.front(), 8);
      objects_.set(thread.stack, "pcb", "pcb_tf", frame);
      return;
    }
    // r15 to rbx or edi to ebx, then the return address.
    const std::uint64_t saved = word_ == 8 ? 5 : 3;
    const std::uint64_t switched = thread.sp - (saved + 1) * word_;
    for (std::uint64_t index = 0; index < saved; ++index)
      image_.write_virtual(switched + index * word_, 0x5000 + index, word_);
    image_.write_virtual(switched + saved * word_, frames.front(), word_);
    const std::uint64_t pcb = thread.crashed ? dumppcb : thread.stack;
    // What one that runs saved when it was last switched out is of the past.
    const std::uint64_t sp = thread.cpu && !thread.crashed ? top - 128 : switched;
    objects_.set(pcb, "pcb", word_ == 8 ? "pcb_rsp" : "pcb_esp", sp);
    objects_.set(pcb, "pcb", word_ == 8 ? "pcb_rbp" : "pcb_ebp", thread.fp);
  }

  void machine() {
    modules();
    swap();
    const MachineText::Load& load = description_.machine.load;
    const std::uint64_t averages = objects_.place("averunnable", layout_.size("loadavg"));
    for (std::uint64_t index = 0; index < 3; ++index)
      image_.write_virtual(averages + layout_.offset("loadavg", "ldavg") + 4 * index,
                           load.averages[static_cast<std::size_t>(index)], 4);
    objects_.set(averages, "loadavg", "fscale", load.scale);
    const std::uint64_t counters = objects_.place("uvmexp", layout_.size("uvmexp"));
    objects_.set(counters, "uvmexp", "pagesize", image_.page);
    for (const auto& [name, pages] : description_.machine.counters)
      objects_.set(counters, "uvmexp", name, pages);
  }

  void modules() {
    std::vector<std::uint64_t> listed;
    for (MachineText::Module& module : description_.machine.modules) {
      module.address = objects_.make("module");
      listed.push_back(module.address);
      const std::uint64_t info = objects_.make("modinfo");
      objects_.set(info, "modinfo", "mi_name", objects_.string(module.name));
      objects_.set(module.address, "module", "mod_info", info);
      objects_.set(module.address, "module", "mod_refcnt",
                   static_cast<std::uint64_t>(module.references));
      if (module.start == 0) continue;  // built in
      const std::uint64_t object = objects_.make("kobj");
      objects_.set(module.address, "module", "mod_kobj", object);
      for (const char* member : {"ko_text_address", "ko_address"})
        objects_.set(object, "kobj", member, module.start);
      for (const char* member : {"ko_text_size", "ko_size"})
        objects_.set(object, "kobj", member, module.size);
    }
    for (const MachineText::Module& module : description_.machine.modules) {
      const auto* required = layout_.find("module", "mod_required");
      std::uint64_t array = module.address + required->offset;
      if (required->size == word_ && !module.needs.empty()) {
        array = heap_.take(std::uint64_t{10} * word_);
        objects_.set(module.address, "module", "mod_required", array);
      }
      objects_.set(module.address, "module", "mod_nrequired", module.needs.size());
      for (const std::string& needed : module.needs)
        for (const MachineText::Module& other : description_.machine.modules)
          if (other.name == needed)
            image_.write_virtual(array, other.address, word_), array += word_;
    }
    objects_.link(objects_.place("module_list", std::uint64_t{2} * word_), "module", "mod_chain",
                  listed);
  }

  /// Each area has a priority of its own.
  void swap() {
    std::vector<std::uint64_t> priorities;
    for (MachineText::Swap& area : description_.machine.swaps) {
      area.address = objects_.make("swapdev");
      objects_.set(area.address, "swapdev", "swd_flags", 3);  // SWF_INUSE, SWF_ENABLE
      objects_.set(area.address, "swapdev", "swd_priority", priorities.size());
      objects_.set(area.address, "swapdev", "swd_npages", area.blocks);
      objects_.set(area.address, "swapdev", "swd_npginuse", area.used);
      objects_.set(area.address, "swapdev", "swd_path", objects_.string(area.path));
      objects_.set(area.address, "swapdev", "swd_vp",
                   objects_.vnode(area.path, area.is_device ? 3 : 1));
      priorities.push_back(objects_.make("swappri"));
      objects_.link(priorities.back() + layout_.offset("swappri", "spi_swapdev"), "swapdev",
                    "swd_next", {area.address});
    }
    const std::uint64_t head = objects_.place("swap_priority", word_);
    image_.symbols.back().type = 'd';
    objects_.link(head, "swappri", "spi_swappri", priorities);
  }

  Description& description_;
  Image& image_;
  KernelLayout layout_;
  Heap heap_;
  NetBsdObjects objects_;
  unsigned word_;
  std::vector<std::uint64_t> cpus_;
};

}  // namespace

void build_netbsd(Description& description) { World(description).build(); }

void finish_netbsd(Description& description) {
  Image& image = description.image;
  for (const Symbol& symbol : image.symbols)
    if (symbol.name == "PDPpaddr") image.write_virtual(symbol.address, image.root, image.pointer());
  // Processes share the kernel's page tables, which map their memory too.
  const KernelLayout layout = netbsd_layout(description.layout, image.pointer());
  for (const ProcessText& process : description.processes) {
    if (process.space == 0) continue;
    const std::uint64_t space = process.space + layout.offset("vmspace", "vm_map.pmap");
    const std::uint64_t pmap = image.read(image.physical_of(space), image.pointer());
    for (const char* name : {"pm_pdirpa", "pm_l0table_pa"})
      if (const auto* member = layout.find("pmap", name))
        image.write_virtual(pmap + member->offset, image.root,
                            static_cast<unsigned>(std::min<std::uint64_t>(member->size, 8)));
  }
}

Blob netbsd_types(const Description& description, const CtfStyle& style) {
  return LayoutTypes(netbsd_layout(description.layout, description.image.pointer()), style)
      .write(description.image);
}

}  // namespace foundry
