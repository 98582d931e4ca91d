#include <fmt/format.h>

#include <algorithm>

#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/heap.h"

namespace foundry {
namespace {

using namespace freebsd_layout;

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
        heap_(description.heap),
        word_(image_.pointer()) {}

  void build() {
    offsets();
    const std::uint64_t dumppcb = place("dumppcb", pcb_size);
    std::uint64_t cpus = 1;
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.cpu) cpus = std::max(cpus, static_cast<std::uint64_t>(*thread.cpu) + 1);
    // An array until FreeBSD 14, since then a pointer to one: i386 and amd64 get the one, arm64 the
    // other.
    std::uint64_t stoppcbs = 0;
    if (image_.architecture == "aarch64") {
      stoppcbs = heap_.take(pcb_size * cpus);
      number("stoppcbs", stoppcbs, word_);
    } else {
      stoppcbs = place("stoppcbs", pcb_size * cpus);
    }
    const std::uint64_t dumptid = place("dumptid", 4);
    number(root_name(image_), 0, word_);
    number("mp_ncpus", cpus, 4);
    number("mp_maxid", cpus - 1, 4);
    number("osreldate", 1400097, 4);
    text("osrelease", "14.0-FOUNDRY");
    text("version", "FreeBSD 14.0-FOUNDRY #0\n");
    if (!description_.panic.empty()) {
      const std::uint64_t panic = heap_.take(description_.panic.size() + 1);
      image_.write_virtual(panic, description_.panic);
      number("panicstr", panic, word_);
    }
    message_buffer();

    // LIST heads: allproc newest first as the description gives them, zombies in zombproc.
    list("allproc", false);
    list("zombproc", true);
    for (ProcessText& process : description_.processes) {
      std::uint64_t link = process.address + p_threads;
      for (ThreadText& thread : process.threads) {
        thread.address = heap_.take(thread_size);
        image_.write_virtual(link, thread.address, word_);
        link = thread.address + td_plist;
        stack(thread);
        fill_thread(thread, dumppcb, stoppcbs);
        if (thread.crashed)
          image_.write_virtual(dumptid, static_cast<std::uint64_t>(thread.tid), 4);
      }
    }
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
    number("proc_off_p_pid", p_pid, 4), number("proc_off_p_comm", p_comm, 4),
        number("proc_off_p_list", p_list, 4);
    number("proc_off_p_threads", p_threads, 4), number("thread_off_td_tid", td_tid, 4);
    number("thread_off_td_name", td_name, 4), number("thread_off_td_oncpu", td_oncpu, 4);
    number("thread_off_td_pcb", td_pcb, 4), number("thread_off_td_plist", td_plist, 4),
        number("pcb_size", pcb_size, 4);
  }

  void list(const std::string& head, bool zombies) {
    std::uint64_t link = place(head, word_);
    for (ProcessText& process : description_.processes) {
      if (process.zombie != zombies) continue;
      process.address = heap_.take(proc_size);
      image_.write_virtual(link, process.address, word_);
      link = process.address + p_list;
      image_.write_virtual(process.address + p_pid, static_cast<std::uint64_t>(process.pid), 4);
      image_.write_virtual(process.address + p_comm, process.name);
    }
  }

  /// Frame records: [fp] the caller's fp, [fp + word] the return address. The same on x86 and
  /// AArch64.
  void stack(ThreadText& thread) {
    const std::uint64_t bytes = 64 * (thread.frames.size() + 1);
    const std::uint64_t base = heap_.take(bytes);
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
    image_.write_virtual(thread.address + td_tid, static_cast<std::uint64_t>(thread.tid), 4);
    image_.write_virtual(thread.address + td_name, thread.name);
    image_.write_virtual(thread.address + td_oncpu,
                         thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) : 0xffffffffU, 4);
    const std::uint64_t own = heap_.take(pcb_size);
    image_.write_virtual(thread.address + td_pcb, own, word_);
    pcb(thread.crashed ? dumppcb
        : thread.cpu   ? stoppcbs + pcb_size * static_cast<std::uint64_t>(*thread.cpu)
                       : own,
        thread);
  }

  // sys/amd64/include/pcb.h, sys/i386/include/pcb.h, sys/arm64/include/pcb.h (since 14).
  void pcb(std::uint64_t at, const ThreadText& thread) {
    const std::uint64_t pc = thread.frames.empty() ? 0 : thread.frames.front();
    if (image_.architecture == "x86_64")
      image_.write_virtual(at + 32, thread.fp, 8), image_.write_virtual(at + 40, thread.sp, 8),
          image_.write_virtual(at + 56, pc, 8);
    else if (image_.architecture == "i386")
      image_.write_virtual(at + 8, thread.fp, 4), image_.write_virtual(at + 12, thread.sp, 4),
          image_.write_virtual(at + 20, pc, 4);
    else
      image_.write_virtual(at + 80, thread.fp, 8), image_.write_virtual(at + 88, pc, 8),
          image_.write_virtual(at + 96, thread.sp, 8);
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
  Heap heap_;
  unsigned word_;
};

}  // namespace

void build_freebsd(Description& description) { World(description).build(); }

void finish_freebsd(Description& description) {
  Image& image = description.image;
  for (const Symbol& symbol : image.symbols)
    if (symbol.name == root_name(image))
      image.write_virtual(symbol.address, image.root, image.pointer());
}

}  // namespace foundry
