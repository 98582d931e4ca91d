#include <fmt/format.h>

#include <algorithm>

#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/freebsd_machine.h"
#include "tests/foundry/freebsd_objects.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

/// The variable that holds the physical address of the kernel's top page table.
std::string root_name(const Image& image) {
  if (image.architecture == "x86_64") return "KPML4phys";
  return image.paging == "pae" ? "IdlePDPT" : "IdlePTD";
}

class World {
 public:
  explicit World(Description& description)
      : description_(description),
        image_(description.image),
        layout_(freebsd_layout(description.layout, image_.pointer())),
        heap_(description.heap),
        objects_(description, layout_, heap_),
        word_(image_.pointer()),
        pcb_size_(layout_.size("pcb")) {}

  void build() {
    offsets();
    const std::uint64_t dumppcb = place("dumppcb", pcb_size_);
    std::uint64_t cpus = 1;
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.cpu) cpus = std::max(cpus, static_cast<std::uint64_t>(*thread.cpu) + 1);
    // An array until FreeBSD 14, since then a pointer to one: i386 and amd64 get the one, arm64 the
    // other.
    std::uint64_t stoppcbs = 0;
    if (image_.architecture == "aarch64") {
      stoppcbs = heap_.take(pcb_size_ * cpus);
      number("stoppcbs", stoppcbs, word_);
    } else {
      stoppcbs = place("stoppcbs", pcb_size_ * cpus);
    }
    const std::uint64_t dumptid = place("dumptid", 4);
    if (image_.architecture != "aarch64") number(root_name(image_), 0, word_);
    number("mp_ncpus", cpus, 4);
    number("mp_maxid", cpus - 1, 4);
    number("osreldate", description_.version, 4);
    if (description_.tick_rate != 0) number("cpu_tick_frequency", description_.tick_rate, 8);
    text("osrelease", description_.release);
    text("version", fmt::format("FreeBSD {} #0\n", description_.release));
    if (!description_.panic.empty()) {
      const std::uint64_t panic = heap_.take(description_.panic.size() + 1);
      image_.write_virtual(panic, description_.panic);
      number("panicstr", panic, word_);
    }
    message_buffer();

    // LIST heads: allproc newest first as the description gives them, zombies in zombproc.
    list("allproc", false);
    list("zombproc", true);
    for (const ProcessText& process : description_.processes)
      if (process.pid == 1) number("initproc", process.address, word_);
    for (ProcessText& process : description_.processes)
      for (ThreadText& thread : process.threads)
        thread.address = heap_.take_aligned(layout_.size("thread"), 64);
    objects_.locks();
    for (ProcessText& process : description_.processes) {
      std::uint64_t link = process.address + layout_.offset("proc", "p_threads");
      for (ThreadText& thread : process.threads) {
        image_.write_virtual(link, thread.address, word_);
        link = thread.address + layout_.offset("thread", "td_plist");
        stack(thread);
        fill_thread(thread, dumppcb, stoppcbs);
        objects_.thread(thread);
        if (thread.crashed)
          image_.write_virtual(dumptid, static_cast<std::uint64_t>(thread.tid), 4);
      }
      objects_.process(process);
    }
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.cpu) {
          image_.cpus.resize(static_cast<std::size_t>(cpus));
          image_.cpus[static_cast<std::size_t>(*thread.cpu)] = {
              0, thread.frames.empty() ? 0 : thread.frames[0], thread.sp, thread.fp};
        }
    FreeBsdMachine machine(description_, layout_, heap_, objects_, cpus);
    machine.build();
    for (DescriptorText& socket : description_.sockets) objects_.socket(socket);
    const auto own = [this](const std::string& name, std::uint64_t size) {
      return place(name, size);
    };
    // With VIMAGE (as in GENERIC kernels) each network stack has its own.
    const auto of_network = [&machine](const std::string& name, std::uint64_t size) {
      return machine.place_of_network(name, size);
    };
    if (description_.machine.any)
      objects_.socket_lists(of_network, own);
    else
      objects_.socket_lists(own, own);
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

  void offsets() {
    for (const char* member : {"p_pid", "p_comm", "p_list", "p_threads"})
      number(std::string("proc_off_") + member, layout_.offset("proc", member), 4);
    for (const char* member : {"td_tid", "td_name", "td_oncpu", "td_pcb", "td_plist"})
      number(std::string("thread_off_") + member, layout_.offset("thread", member), 4);
    number("pcb_size", pcb_size_, 4);
  }

  void list(const std::string& head, bool zombies) {
    std::uint64_t link = place(head, word_);
    for (ProcessText& process : description_.processes) {
      if (process.zombie != zombies) continue;
      process.address = heap_.take(layout_.size("proc"));
      image_.write_virtual(link, process.address, word_);
      link = process.address + layout_.offset("proc", "p_list");
      objects_.set(process.address, "proc", "p_pid", static_cast<std::uint64_t>(process.pid));
      image_.write_virtual(process.address + layout_.offset("proc", "p_comm"), process.name);
    }
  }

  /// Frame records: [fp] the caller's fp, [fp + word] the return address. The same on x86 and
  /// AArch64.
  void stack(ThreadText& thread) {
    const std::uint64_t bytes = 64 * (thread.frames.size() + 1);
    std::uint64_t base = 0;
    if (thread.stack_pages != 0) {
      thread.stack = heap_.take_aligned(thread.stack_pages * image_.page, image_.page);
      base = thread.stack + thread.stack_pages * image_.page - bytes;
    } else {
      base = heap_.take(bytes);
    }
    thread.sp = base, thread.fp = base + 32;
    std::uint64_t fp = thread.fp;
    for (std::size_t index = 1; index < thread.frames.size(); ++index) {
      const bool last = index + 1 == thread.frames.size();
      image_.write_virtual(fp, last ? 0 : fp + 64, word_);
      image_.write_virtual(fp + word_, thread.frames[index], word_);
      fp += 64;
    }
  }

  void fill_thread(const ThreadText& thread, std::uint64_t dumppcb, std::uint64_t stoppcbs) {
    objects_.set(thread.address, "thread", "td_tid", static_cast<std::uint64_t>(thread.tid));
    image_.write_virtual(thread.address + layout_.offset("thread", "td_name"), thread.name);
    objects_.set(thread.address, "thread", "td_oncpu",
                 thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) : 0xffffffffU);
    const std::uint64_t own = heap_.take(pcb_size_);
    objects_.set(thread.address, "thread", "td_pcb", own);
    pcb(thread.crashed ? dumppcb
        : thread.cpu   ? stoppcbs + pcb_size_ * static_cast<std::uint64_t>(*thread.cpu)
                       : own,
        thread);
  }

  // sys/amd64/include/pcb.h, sys/i386/include/pcb.h, sys/arm64/include/pcb.h (before and since 14).
  void pcb(std::uint64_t at, const ThreadText& thread) {
    const std::uint64_t pc = thread.frames.empty() ? 0 : thread.frames.front();
    const auto three = [&](std::uint64_t fp, std::uint64_t sp, std::uint64_t counter) {
      image_.write_virtual(at + fp, thread.fp, word_),
          image_.write_virtual(at + sp, thread.sp, word_),
          image_.write_virtual(at + counter, pc, word_);
    };
    if (image_.architecture == "x86_64")
      three(32, 40, 56);
    else if (image_.architecture == "i386")
      three(8, 12, 20);
    else if (description_.version > 1400084)
      three(80, 96, 88);
    else
      three(232, 256, 240);
  }

  // struct msgbuf (sys/sys/msgbuf.h) with a ring that has wrapped once: the oldest line begins in
  // its middle.
  void message_buffer() {
    if (description_.log.empty()) return;
    std::string all;
    for (const LogText& line : description_.log)
      all += (line.level ? fmt::format("<{}>", *line.level) : "") + line.text + "\n";
    const std::uint64_t size = all.size() + 16;
    const std::uint64_t ring = heap_.take(size), header = heap_.take(64);
    const std::uint64_t write_at = 7;
    for (std::size_t index = 0; index < all.size(); ++index)
      image_.write_virtual(ring + (write_at + 16 + index) % size,
                           static_cast<std::uint8_t>(all[index]), 1);
    image_.write_virtual(header, ring, word_);
    image_.write_virtual(header + word_, 0x063062, 4);
    image_.write_virtual(header + word_ + 4, size, 4);
    image_.write_virtual(header + word_ + 8, write_at + 3 * size, 4);
    number("msgbufp", header, word_);
  }

  Description& description_;
  Image& image_;
  KernelLayout layout_;
  Heap heap_;
  FreeBsdObjects objects_;
  unsigned word_;
  std::uint64_t pcb_size_;
};

}  // namespace

void build_freebsd(Description& description) { World(description).build(); }

void finish_freebsd(Description& description) {
  Image& image = description.image;
  for (const Symbol& symbol : image.symbols)
    if (symbol.name == root_name(image) && image.architecture != "aarch64")
      image.write_virtual(symbol.address, image.root, image.pointer());
  // There the kernel's image has room for the first table.
  if (image.architecture == "aarch64" && image.root != 0)
    for (const Mapping& mapping : image.mappings)
      if (image.root >= mapping.physical && image.root - mapping.physical < mapping.size)
        image.symbols.push_back({"pagetable_l0_ttbr1",
                                 mapping.virtual_address + image.root - mapping.physical, 0, 'B'});
  // Processes share the kernel's page tables, which map their memory too.
  const KernelLayout layout = freebsd_layout(description.layout, image.pointer());
  for (const ProcessText& process : description.processes) {
    if (image.architecture != "x86_64" || process.size == 0) continue;
    const std::uint64_t space = process.space;
    image.write_virtual(space + layout.offset("vmspace", "vm_pmap.pm_cr3"), image.root, 8);
  }
}

}  // namespace foundry
