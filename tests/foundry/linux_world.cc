#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "tests/foundry/btf_writer.h"
#include "tests/foundry/description.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/kallsyms_writer.h"

namespace foundry {
namespace {

// A layout that no Linux ever had: a reader that does not take it from the BTF fails.
struct Layout {
  static constexpr unsigned state = 8, exit_state = 12, stack = 16, tasks = 40, mm = 72, pid = 84,
                            tgid = 88, real_parent = 96, group_leader = 104, thread_node = 120,
                            real_cred = 152, comm = 168, signal = 192, thread = 256, on_cpu = 200,
                            task_size = 384;
  static constexpr unsigned thread_sp = 24;
  static constexpr unsigned nr_threads = 20, thread_head = 32, signal_size = 64;
  static constexpr unsigned euid = 28, cred_size = 64;
  static constexpr unsigned pgd = 48, mm_size = 96;
  static constexpr unsigned curr = 104, idle = 112, rq_size = 256;
  static constexpr unsigned uts_name = 4;
};

const std::map<std::string, std::pair<unsigned, unsigned>> states = {
    // __state, exit_state
    {"running", {0, 0}}, {"sleeping", {1, 0}}, {"uninterruptible", {2, 0}}, {"stopped", {4, 0}},
    {"traced", {8, 0}},  {"idle", {0x402, 0}}, {"zombie", {0x80, 0x20}},    {"dead", {0x80, 0x10}},
};

class World {
 public:
  explicit World(Description& description)
      : description_(description),
        image_(description.image),
        heap_(description.heap),
        word_(image_.pointer()) {}

  void build() {
    if (description_.processes.empty() || description_.processes[0].pid != 0)
      throw std::runtime_error("a Linux description begins with process 0, the idle tasks");
    const std::uint64_t image_start = description_.heap.start;
    symbol("_stext", image_start, 'T');
    text("linux_banner", fmt::format("Linux version {} (foundry) #1 SMP\n", release));
    uts();
    tasks();
    cpus();
    ring_buffer();
    btf();
    // swapper_pg_dir is named before it exists: finish_linux checks that the root became this page.
    symbol("swapper_pg_dir", root_virtual(), 'D');
    number("panic_cpu", crashed_cpu_, 4);
    // The kernel keeps its VMCOREINFO on a page of its own (kernel/vmcore_info.c).
    const std::uint64_t vmcoreinfo_page = heap_.take_aligned(image_.page, image_.page);
    number("vmcoreinfo_data", vmcoreinfo_page, word_);
    // kallsyms marks every 256th name: there must be more of them than that.
    for (unsigned index = 0; index < 300; ++index)
      symbol(fmt::format("filler_{}_init_task", index), image_start + 16 * index + 8, 'd');
    std::vector<Symbol> all = image_.symbols;
    const std::vector<Symbol> own = write_kallsyms(image_, heap_.take(65536), all);
    image_.symbols.insert(image_.symbols.end(), own.begin(), own.end());
    vmcoreinfo(own);
    image_.write_virtual(vmcoreinfo_page, image_.vmcoreinfo);
  }

 private:
  static constexpr const char* release = "6.1.0-foundry";

  std::uint64_t root_virtual() const {
    for (const Mapping& mapping : image_.mappings)
      if (mapping.virtual_address <= description_.heap.start &&
          image_.table_area.start >= mapping.physical &&
          image_.table_area.start < mapping.physical + mapping.size)
        return mapping.virtual_address + (image_.table_area.start - mapping.physical);
    throw std::runtime_error("the table area must lie in the kernel image's mapping");
  }
  void symbol(const std::string& name, std::uint64_t address, char type) {
    image_.symbols.push_back({name, address, 0, type});
  }
  std::uint64_t place(const std::string& name, std::uint64_t size) {
    const std::uint64_t at = heap_.take(size);
    symbol(name, at, 'D');
    return at;
  }
  std::uint64_t number(const std::string& name, std::uint64_t value, unsigned width) {
    const std::uint64_t at = place(name, width);
    image_.write_virtual(at, value, width);
    return at;
  }
  void text(const std::string& name, const std::string& value) {
    image_.write_virtual(place(name, value.size() + 1), value);
  }
  void pointer(std::uint64_t at, std::uint64_t value) { image_.write_virtual(at, value, word_); }

  void uts() {
    const std::uint64_t at = place("init_uts_ns", Layout::uts_name + 6 * 65);
    const std::array<std::string, 6> names = {"Linux",          "foundry", release,
                                              "#1 SMP foundry", "x86_64",  "(none)"};
    for (std::size_t index = 0; index < names.size(); ++index)
      image_.write_virtual(at + Layout::uts_name + 65 * index, names[index]);
  }

  /// A circular list through `links`; the first is the head.
  void circle(const std::vector<std::uint64_t>& links) {
    for (std::size_t index = 0; index < links.size(); ++index) {
      pointer(links[index], links[(index + 1) % links.size()]);
      pointer(links[index] + word_, links[(index + links.size() - 1) % links.size()]);
    }
  }

  void tasks() {
    std::map<std::int64_t, std::uint64_t> leaders;
    for (ProcessText& process : description_.processes)
      for (ThreadText& thread : process.threads) {
        thread.address = process.pid == 0 && &thread == &process.threads.front()
                             ? place("init_task", Layout::task_size)
                             : heap_.take(Layout::task_size);
        if (&thread == &process.threads.front())
          process.address = leaders[process.pid] = thread.address;
      }
    std::vector<std::uint64_t> list = {leaders.at(0) + Layout::tasks};
    for (ProcessText& process : description_.processes) {
      if (process.pid != 0) list.push_back(process.address + Layout::tasks);
      const std::uint64_t cred = heap_.take(Layout::cred_size);
      image_.write_virtual(cred + Layout::euid, process.uid, 4);
      // Each idle task is a thread group of its own.
      std::vector<std::vector<ThreadText*>> groups;
      for (ThreadText& thread : process.threads) {
        if (groups.empty() || process.pid == 0) groups.emplace_back();
        groups.back().push_back(&thread);
      }
      for (const auto& group : groups) {
        const std::uint64_t signal = heap_.take(Layout::signal_size);
        image_.write_virtual(signal + Layout::nr_threads, group.size(), 4);
        std::vector<std::uint64_t> links = {signal + Layout::thread_head};
        for (ThreadText* thread : group) {
          links.push_back(thread->address + Layout::thread_node);
          fill(process, *thread, signal, cred, leaders);
        }
        circle(links);
      }
    }
    circle(list);
  }

  void fill(const ProcessText& process, ThreadText& thread, std::uint64_t signal,
            std::uint64_t cred, const std::map<std::int64_t, std::uint64_t>& leaders) {
    const std::uint64_t task = thread.address;
    const auto [state, exit_state] = states.at(thread.state.empty() ? "sleeping" : thread.state);
    image_.write_virtual(task + Layout::state, state, 4);
    image_.write_virtual(task + Layout::exit_state, exit_state, 4);
    image_.write_virtual(task + Layout::pid, static_cast<std::uint64_t>(thread.tid), 4);
    image_.write_virtual(task + Layout::tgid, static_cast<std::uint64_t>(process.pid), 4);
    pointer(task + Layout::real_parent, leaders.at(process.ppid));
    pointer(task + Layout::group_leader, process.address);
    pointer(task + Layout::signal, signal);
    pointer(task + Layout::real_cred, cred);
    image_.write_virtual(task + Layout::comm, thread.name);
    image_.write_virtual(task + Layout::on_cpu, thread.cpu ? 1 : 0, 4);
    if (thread.frames.empty()) return;
    stack(thread);
  }

  // A stack of 16 KiB; struct inactive_task_frame (arch/x86/include/asm/switch_to.h) is r15 r14 r13
  // r12 bx bp ret_addr, then frame records.
  void stack(ThreadText& thread) {
    const std::uint64_t low = heap_.take_aligned(16384, 16384);
    pointer(thread.address + Layout::stack, low);
    const std::uint64_t top = low + 16384 - 512;
    std::uint64_t fp = top - 64 * thread.frames.size();
    const std::uint64_t switched = fp - 7 * 8 - 8;
    pointer(thread.address + Layout::thread + Layout::thread_sp, switched);
    pointer(switched + 5 * 8, fp);
    pointer(switched + 6 * 8, thread.frames[0]);
    thread.fp = fp;
    thread.sp = thread.cpu ? switched : switched + 7 * 8;
    for (std::size_t index = 1; index < thread.frames.size(); ++index) {
      pointer(fp, index + 1 == thread.frames.size() ? 0 : fp + 64);
      pointer(fp + 8, thread.frames[index]);
      fp += 64;
    }
  }

  void cpus() {
    std::map<std::int64_t, const ThreadText*> running;
    std::map<std::int64_t, std::int64_t> process_of;
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.cpu) {
          running[*thread.cpu] = &thread;
          if (thread.crashed) crashed_cpu_ = static_cast<std::uint64_t>(*thread.cpu);
        }
    const std::uint64_t count = running.size();
    number("nr_cpu_ids", count, 4);
    number("__cpu_possible_mask", (1ULL << count) - 1, 8);
    number("__cpu_online_mask", (1ULL << count) - 1, 8);
    // Per-CPU symbols are offsets from 0; each processor's area lies on the heap.
    constexpr std::uint64_t run_queue = 0x1c0;
    symbol("runqueues", run_queue, 'A');
    const std::uint64_t offsets = place("__per_cpu_offset", 8 * count);
    const auto& idle = description_.processes[0].threads;
    for (const auto& [cpu, thread] : running) {
      const std::uint64_t area = heap_.take(run_queue + Layout::rq_size);
      pointer(offsets + 8 * static_cast<std::uint64_t>(cpu), area);
      pointer(area + run_queue + Layout::curr, thread->address);
      pointer(area + run_queue + Layout::idle, idle.at(static_cast<std::size_t>(cpu)).address);
      image_.cpus.push_back({static_cast<std::uint64_t>(thread->tid),
                             thread->frames.empty() ? 0 : thread->frames[0], thread->sp,
                             thread->fp});
    }
  }

  // kernel/printk/printk_ringbuffer.h: descriptors with (state, id), a data ring of blocks (id,
  // text) that begin at logical positions; a block that does not fit before the ring's end begins
  // again at its start.
  void ring_buffer() {
    constexpr std::uint64_t count_bits = 5, size_bits = 9, count = 1U << count_bits,
                            size = 1U << size_bits;
    const std::uint64_t descs = heap_.take(24 * count), infos = heap_.take(88 * count),
                        data = heap_.take(size);
    const std::uint64_t ring = heap_.take(112);
    const std::uint64_t first_id = 0x3ffffffffffffff0ULL;  // crosses a multiple of the count early
    std::uint64_t position =
        ~0ULL - size + 1 + 40;  // BLK0_LPOS and a bit: the first blocks wrap soon
    std::uint64_t tail_position = position, id = first_id;
    std::uint64_t used = 0;
    for (const LogText& line : description_.log) {
      const std::uint64_t need = (8 + line.text.size() + 7) / 8 * 8;
      used += need;
      if (used > size - 64 || id - first_id >= count)
        throw std::runtime_error("the description's log is too long");
      std::uint64_t begin = position, next = position + need;
      std::uint64_t at = begin % size;
      if (begin / size != (next - 1) / size) {
        used += size - at;
        next = (begin / size + 1) * size + need;
        at = 0;
      }
      pointer(data + at, id);
      image_.write_virtual(data + at + 8, line.text);
      const std::uint64_t desc = descs + 24 * (id % count), info = infos + 88 * (id % count);
      pointer(desc, id | 2ULL << 62U);  // finalized
      pointer(desc + 8, begin), pointer(desc + 16, next);
      pointer(info, id - first_id), pointer(info + 8, line.time_ns);
      image_.write_virtual(info + 16, line.text.size(), 2);
      image_.write_virtual(info + 19, static_cast<std::uint64_t>(line.level.value_or(6)) << 5U, 1);
      position = next;
      ++id;
    }
    // printk_ringbuffer: desc_ring {count_bits, descs, infos, head_id, tail_id, last_finalized_id},
    // text_data_ring {size_bits, data, head_lpos, tail_lpos}, fail.
    image_.write_virtual(ring, count_bits, 4);
    pointer(ring + 8, descs), pointer(ring + 16, infos), pointer(ring + 24, id - 1),
        pointer(ring + 32, first_id);
    pointer(ring + 40, id - 1);
    image_.write_virtual(ring + 48, size_bits, 4);
    pointer(ring + 56, data), pointer(ring + 64, position), pointer(ring + 72, tail_position);
    number("prb", ring, 8);
  }

  void btf() {
    BtfWriter btf;
    const unsigned u32 = btf.integer("unsigned int", 4, false), i32 = btf.integer("int", 4, true),
                   u64 = btf.integer("unsigned long", 8, false),
                   u16 = btf.integer("unsigned short", 2, false),
                   u8 = btf.integer("unsigned char", 1, false), chr = btf.integer("char", 1, true);
    const unsigned ptr = btf.pointer(0);
    const unsigned list = btf.structure("list_head", 16, {{"next", ptr, 0}, {"prev", ptr, 64}});
    const unsigned comm = btf.array(chr, 16), name65 = btf.array(chr, 65);
    const unsigned thread =
        btf.structure("thread_struct", 64, {{"sp", u64, Layout::thread_sp * 8}});
    btf.structure("task_struct", Layout::task_size,
                  {{"__state", u32, Layout::state * 8},
                   {"exit_state", i32, Layout::exit_state * 8},
                   {"stack", ptr, Layout::stack * 8},
                   {"tasks", list, Layout::tasks * 8},
                   {"mm", ptr, Layout::mm * 8},
                   {"pid", i32, Layout::pid * 8},
                   {"tgid", i32, Layout::tgid * 8},
                   {"real_parent", ptr, Layout::real_parent * 8},
                   {"group_leader", ptr, Layout::group_leader * 8},
                   {"thread_node", list, Layout::thread_node * 8},
                   {"real_cred", ptr, Layout::real_cred * 8},
                   {"comm", comm, Layout::comm * 8},
                   {"signal", ptr, Layout::signal * 8},
                   {"on_cpu", i32, Layout::on_cpu * 8},
                   {"thread", thread, Layout::thread * 8}});
    btf.structure("signal_struct", Layout::signal_size,
                  {{"nr_threads", i32, Layout::nr_threads * 8},
                   {"thread_head", list, Layout::thread_head * 8}});
    const unsigned uid = btf.type_definition("kuid_t", btf.structure("", 4, {{"val", u32, 0}}));
    btf.structure("cred", Layout::cred_size, {{"euid", uid, Layout::euid * 8}});
    const unsigned inside = btf.structure("", 64, {{"pgd", ptr, (Layout::pgd - 16) * 8}});
    btf.structure("mm_struct", Layout::mm_size, {{"", inside, 16 * 8}});
    btf.structure("rq", Layout::rq_size,
                  {{"curr", ptr, Layout::curr * 8}, {"idle", ptr, Layout::idle * 8}});
    const unsigned uts = btf.structure("new_utsname", 390,
                                       {{"sysname", name65, 0},
                                        {"nodename", name65, 65 * 8},
                                        {"release", name65, 130 * 8},
                                        {"version", name65, 195 * 8},
                                        {"machine", name65, 260 * 8},
                                        {"domainname", name65, 325 * 8}});
    btf.structure("uts_namespace", 400, {{"name", uts, Layout::uts_name * 8}});
    btf.structure("inactive_task_frame", 56,
                  {{"r15", u64, 0},
                   {"r14", u64, 64},
                   {"r13", u64, 128},
                   {"r12", u64, 192},
                   {"bx", u64, 256},
                   {"bp", u64, 320},
                   {"ret_addr", u64, 384}});
    const unsigned stack = btf.array(u64, 16384 / 8);
    btf.structure("thread_union", 16384, {{"stack", stack, 0}});
    const unsigned atomic =
        btf.type_definition("atomic_long_t", btf.structure("", 8, {{"counter", u64, 0}}));
    const unsigned lpos =
        btf.structure("prb_data_blk_lpos", 16, {{"begin", u64, 0}, {"next", u64, 64}});
    btf.structure("prb_desc", 24, {{"state_var", atomic, 0}, {"text_blk_lpos", lpos, 64}});
    btf.structure("printk_info", 88,
                  {{"seq", u64, 0},
                   {"ts_nsec", u64, 64},
                   {"text_len", u16, 128},
                   {"facility", u8, 144},
                   {"flags", u8, 152, 5},
                   {"level", u8, 157, 3},
                   {"caller_id", u32, 160}});
    const unsigned desc_ring = btf.structure("prb_desc_ring", 48,
                                             {{"count_bits", u32, 0},
                                              {"descs", ptr, 64},
                                              {"infos", ptr, 128},
                                              {"head_id", atomic, 192},
                                              {"tail_id", atomic, 256},
                                              {"last_finalized_id", atomic, 320}});
    const unsigned data_ring = btf.structure("prb_data_ring", 32,
                                             {{"size_bits", u32, 0},
                                              {"data", ptr, 64},
                                              {"head_lpos", atomic, 128},
                                              {"tail_lpos", atomic, 192}});
    btf.structure(
        "printk_ringbuffer", 88,
        {{"desc_ring", desc_ring, 0}, {"text_data_ring", data_ring, 384}, {"fail", atomic, 640}});
    const Blob blob = btf.finish();
    const std::uint64_t at = heap_.take(blob.size());
    for (std::size_t index = 0; index < blob.size(); ++index)
      image_.write_virtual(at + index, blob[index], 1);
    symbol("__start_BTF", at, 'R');
    symbol("__stop_BTF", at + blob.size(), 'R');
  }

  void vmcoreinfo(const std::vector<Symbol>& kallsyms) {
    const Mapping* kernel = nullptr;
    for (const Mapping& mapping : image_.mappings)
      if (description_.heap.start >= mapping.virtual_address &&
          description_.heap.start - mapping.virtual_address < mapping.size)
        kernel = &mapping;
    std::string& text = image_.vmcoreinfo;
    text = fmt::format("OSRELEASE={}\nPAGESIZE={}\n", release, image_.page);
    for (const Symbol& symbol : image_.symbols)
      if (symbol.name == "init_uts_ns" || symbol.name == "swapper_pg_dir" ||
          symbol.name == "_stext" || symbol.name == "prb")
        text += fmt::format("SYMBOL({})={:x}\n", symbol.name, symbol.address);
    if (description_.tell_kallsyms)
      for (const Symbol& symbol : kallsyms)
        text += fmt::format("SYMBOL({})={:x}\n", symbol.name, symbol.address);
    const auto phys_base = static_cast<std::int64_t>(
        kernel->physical - (kernel->virtual_address - 0xffffffff80000000ULL));
    text += fmt::format("NUMBER(phys_base)={}\nNUMBER(pgtable_l5_enabled)={}\n", phys_base,
                        image_.paging == "five_level" ? 1 : 0);
    text += fmt::format("KERNELOFFSET={:x}\nCRASHTIME=1700000000\n",
                        description_.heap.start - 0xffffffff81000000ULL);
  }

  Description& description_;
  Image& image_;
  Heap heap_;
  unsigned word_;
  std::uint64_t crashed_cpu_ = 0xffffffff;
};

}  // namespace

void build_linux(Description& description) { World(description).build(); }

void finish_linux(const Description& description) {
  if (description.image.root != description.image.table_area.start)
    throw std::runtime_error("the root of the page tables is not where swapper_pg_dir says");
}

}  // namespace foundry
