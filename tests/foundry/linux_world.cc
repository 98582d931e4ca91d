#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "tests/foundry/btf_writer.h"
#include "tests/foundry/description.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/kallsyms_writer.h"
#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

// A layout that no Linux ever had: a reader that does not take it from the BTF fails.
struct Layout {
  static constexpr unsigned state = 8, exit_state = 12, stack = 16, tasks = 40, mm = 72, pid = 84,
                            tgid = 88, real_parent = 96, group_leader = 104, thread_node = 120,
                            real_cred = 152, comm = 168, signal = 192, on_cpu = 200, cpu = 204,
                            thread = 256, task_size = 448;
  static constexpr unsigned thread_sp = 24, cpu_context = 16;
  static constexpr unsigned nr_threads = 20, thread_head = 32, signal_size = 64;
  static constexpr unsigned euid = 28, cred_size = 64;
  static constexpr unsigned pgd = 48, mm_size = 96;
  static constexpr unsigned curr = 104, idle = 112, rq_size = 256;
  static constexpr unsigned uts_name = 4;
  static constexpr unsigned module_list = 16, module_name = 40, core_layout = 104, kallsyms = 152,
                            percpu = 160, sect_attrs = 168, percpu_size = 176, module_size = 192;
  static constexpr unsigned layout_base = 8, layout_text_size = 28;
  static constexpr unsigned attribute_name = 8, bin_private = 40, bin_size = 64, battr = 16,
                            section_name = 24, section_address = 88, section_size = 104,
                            nsections = 20, bin_attrs = 8, attrs = 32;
  static constexpr unsigned symtab = 0, num_symtab = 8, strtab = 16, typetab = 24;
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
        word_(image_.pointer()),
        arm_(image_.architecture == "aarch64") {}

  void build() {
    if (description_.processes.empty() || description_.processes[0].pid != 0)
      throw std::runtime_error("a Linux description begins with process 0, the idle tasks");
    const std::uint64_t image_start = description_.heap.start;
    symbol("_stext", image_start, 'T');
    text("linux_banner", fmt::format("Linux version {} (foundry) #1 SMP\n", release));
    uts();
    tasks();
    cpus();
    modules();
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
      symbol(fmt::format("filler_{}_init_task", index), image_start + 16 * index + 8,
             description_.functions_only ? 't' : 'd');
    // Without CONFIG_KALLSYMS_ALL only code is named; VMCOREINFO still knows what it exports.
    const std::vector<Symbol> all = image_.symbols;
    if (description_.functions_only)
      std::erase_if(image_.symbols,
                    [](const Symbol& symbol) { return symbol.type != 'T' && symbol.type != 't'; });
    const std::vector<Symbol> own =
        write_kallsyms(image_, heap_.take(65536), image_.symbols, !description_.functions_only);
    if (!description_.functions_only)
      image_.symbols.insert(image_.symbols.end(), own.begin(), own.end());
    vmcoreinfo(all, own);
    image_.write_virtual(vmcoreinfo_page, image_.vmcoreinfo);
  }

 private:
  static constexpr const char* release = "6.1.0-foundry";

  std::string machine() const {
    return image_.architecture == "i386" ? "i686" : image_.architecture;
  }
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
                                              "#1 SMP foundry", machine(), "(none)"};
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
    image_.write_virtual(task + Layout::cpu, static_cast<std::uint64_t>(thread.cpu.value_or(0)), 4);
    if (thread.frames.empty()) return;
    stack(thread);
  }

  // A stack of 16 KiB with frame records (frame pointer of the caller, return address) at its top.
  // What a switch saved lies below them: struct inactive_task_frame (arch/x86/include/asm/
  // switch_to.h: r15 r14 r13 r12 bx bp ret_addr; i386: flags si di bx bp ret_addr), or in the task
  // itself: struct cpu_context (arch/arm64/include/asm/processor.h: x19 to x28 fp sp pc).
  void stack(ThreadText& thread) {
    const std::uint64_t low = heap_.take_aligned(16384, 16384);
    pointer(thread.address + Layout::stack, low);
    const std::uint64_t top = low + 16384 - 512;
    std::uint64_t fp = top - 64 * thread.frames.size();
    const std::uint64_t saved = word_ == 8 ? 7 : 6;  // words of an inactive_task_frame
    const std::uint64_t switched = fp - saved * word_ - word_;
    if (arm_) {
      const std::uint64_t context = thread.address + Layout::thread + Layout::cpu_context;
      pointer(context + 80, fp), pointer(context + 88, switched);
      pointer(context + 96, thread.frames[0]);
    } else {
      pointer(thread.address + Layout::thread + Layout::thread_sp, switched);
      pointer(switched + (saved - 2) * word_, fp);
      pointer(switched + (saved - 1) * word_, thread.frames[0]);
    }
    thread.fp = fp;
    thread.sp = thread.cpu || arm_ ? switched : switched + saved * word_;
    for (std::size_t index = 1; index < thread.frames.size(); ++index) {
      pointer(fp, index + 1 == thread.frames.size() ? 0 : fp + 64);
      pointer(fp + word_, thread.frames[index]);
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
    // On x86_64 per-CPU symbols are offsets from 0, elsewhere addresses in the kernel's image; each
    // processor's area lies on the heap.
    constexpr std::uint64_t in_area = 0x1c0;
    const bool from_zero = image_.architecture == "x86_64";
    const std::uint64_t run_queue =
        from_zero ? in_area : heap_.take(in_area + Layout::rq_size) + in_area;
    symbol("__per_cpu_start", run_queue - in_area, from_zero ? 'A' : 'D');
    symbol("runqueues", run_queue, from_zero ? 'A' : 'D');
    symbol("__per_cpu_end", run_queue + Layout::rq_size, from_zero ? 'A' : 'D');
    const std::uint64_t offsets = place("__per_cpu_offset", word_ * count);
    const auto& idle = description_.processes[0].threads;
    for (const auto& [cpu, thread] : running) {
      const std::uint64_t own = heap_.take(in_area + Layout::rq_size) + in_area;
      pointer(offsets + word_ * static_cast<std::uint64_t>(cpu), own - run_queue);
      description_.run_queues[cpu] = own;
      pointer(own + Layout::curr, thread->address);
      pointer(own + Layout::idle, idle.at(static_cast<std::size_t>(cpu)).address);
      image_.cpus.push_back({static_cast<std::uint64_t>(thread->tid),
                             thread->frames.empty() ? 0 : thread->frames[0], thread->sp,
                             thread->fp});
    }
  }

  // include/linux/module.h: struct module and struct mod_kallsyms; the symbols are ELF's own.
  void modules() {
    std::vector<std::uint64_t> links = {place("modules", 2 * word_)};
    for (ModuleText& text : description_.modules) {
      const std::uint64_t module = text.address = heap_.take(Layout::module_size);
      links.push_back(module + Layout::module_list);
      image_.write_virtual(module + Layout::module_name, text.name);
      pointer(module + Layout::core_layout + Layout::layout_base, text.text.start);
      image_.write_virtual(module + Layout::core_layout + Layout::layout_text_size,
                           text.text.end - text.text.start, 4);
      std::vector<Symbol> symbols = text.symbols;
      symbols.insert(symbols.end(), text.per_cpu.begin(), text.per_cpu.end());
      if (!text.per_cpu.empty()) {
        const Symbol& last = text.per_cpu.back();
        const std::uint64_t area = text.per_cpu.front().address;
        pointer(module + Layout::percpu, area);
        image_.write_virtual(module + Layout::percpu_size, last.address + last.size - area, 4);
      }
      const std::uint64_t count = symbols.size() + 1;
      const std::uint64_t entry = word_ == 8 ? 24 : 16;
      const std::uint64_t table = heap_.take(32), symtab = heap_.take(entry * count),
                          typetab = heap_.take(count);
      std::string names(1, '\0');
      for (std::size_t index = 0; index < symbols.size(); ++index) {
        const Symbol& symbol = symbols[index];
        const std::uint64_t at = symtab + entry * (index + 1);
        image_.write_virtual(at, names.size(), 4);
        image_.write_virtual(at + (word_ == 8 ? 6 : 14), 1, 2);
        pointer(at + (word_ == 8 ? 8 : 4), symbol.address);
        pointer(at + (word_ == 8 ? 16 : 8), symbol.size);
        image_.write_virtual(typetab + index + 1, static_cast<std::uint8_t>(symbol.type), 1);
        names += symbol.name + '\0';
      }
      const std::uint64_t strtab = heap_.take(names.size());
      image_.write_virtual(strtab, names);
      pointer(module + Layout::kallsyms, table);
      pointer(table + Layout::symtab, symtab), pointer(table + Layout::strtab, strtab);
      image_.write_virtual(table + Layout::num_symtab, count, 4);
      pointer(table + Layout::typetab, typetab);
      sections(text);
    }
    circle(links);
  }

  // kernel/module/sysfs.c: struct module_sect_attrs. An AArch64 kernel has the form since 6.14 (a
  // list of pointers to bin_attributes, each with the address in its `private`), an x86_64 one that
  // before it (an array, names in bin_attributes), an i386 one that before 5.8 (names of its own).
  void sections(const ModuleText& module) {
    if (module.sections.empty()) return;
    const std::uint64_t count = module.sections.size();
    const std::uint64_t all = heap_.take(Layout::attrs + count * Layout::section_size);
    const std::uint64_t list = heap_.take((count + 1) * word_);
    pointer(module.address + Layout::sect_attrs, all);
    if (arm_)
      pointer(all + Layout::bin_attrs, list);
    else
      image_.write_virtual(all + Layout::nsections, count, 4);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto& [name, address] = module.sections[static_cast<std::size_t>(i)];
      const std::uint64_t own = heap_.take(name.size() + 1);
      image_.write_virtual(own, name);
      if (arm_) {
        const std::uint64_t attribute = heap_.take(Layout::bin_size);
        pointer(list + i * word_, attribute);
        pointer(attribute + Layout::attribute_name, own);
        pointer(attribute + Layout::bin_private, address);
        continue;
      }
      const std::uint64_t at = all + Layout::attrs + i * Layout::section_size;
      pointer(at + (word_ == 8 ? Layout::battr + Layout::attribute_name : Layout::section_name),
              own);
      pointer(at + Layout::section_address, address);
    }
  }

  // kernel/printk/printk_ringbuffer.h: descriptors with (state, id), a data ring of blocks (id,
  // text) that begin at logical positions; a block that does not fit before the ring's end begins
  // again at its start.
  void ring_buffer() {
    constexpr std::uint64_t count_bits = 5, size_bits = 9, count = 1U << count_bits,
                            size = 1U << size_bits;
    const unsigned word = word_, bits = word * 8;
    const std::uint64_t desc_size = 3 * word, info_size = 88;
    const std::uint64_t descs = heap_.take(desc_size * count),
                        infos = heap_.take(info_size * count), data = heap_.take(size);
    const std::uint64_t ring = heap_.take(112);
    const std::uint64_t all = bits == 64 ? ~0ULL : (1ULL << bits) - 1;
    const std::uint64_t first_id = (all >> 2U) - 15;  // crosses a multiple of the count early
    std::uint64_t position =
        all - size + 1 + 40;  // BLK0_LPOS and a bit: the first blocks wrap soon
    std::uint64_t tail_position = position, id = first_id;
    std::uint64_t used = 0;
    for (const LogText& line : description_.log) {
      const std::uint64_t need = (word + line.text.size() + word - 1) / word * word;
      used += need;
      if (used > size - 64 || id - first_id >= count)
        throw std::runtime_error("the description's log is too long");
      std::uint64_t begin = position, next = (position + need) & all;
      std::uint64_t at = begin % size;
      if (begin / size != ((next - 1) & all) / size) {
        used += size - at;
        next = ((begin / size + 1) * size + need) & all;
        at = 0;
      }
      pointer(data + at, id);
      image_.write_virtual(data + at + word, line.text);
      const std::uint64_t desc = descs + desc_size * (id % count),
                          info = infos + info_size * (id % count);
      pointer(desc, id | 2ULL << (bits - 2));  // finalized
      pointer(desc + word, begin), pointer(desc + 2 * word, next);
      image_.write_virtual(info, id - first_id, 8), image_.write_virtual(info + 8, line.time_ns, 8);
      image_.write_virtual(info + 16, line.text.size(), 2);
      image_.write_virtual(info + 19, static_cast<std::uint64_t>(line.level.value_or(6)) << 5U, 1);
      position = next;
      ++id;
    }
    // printk_ringbuffer: desc_ring {count_bits, descs, infos, head_id, tail_id, last_finalized_id},
    // text_data_ring {size_bits, data, head_lpos, tail_lpos}, fail.
    image_.write_virtual(ring, count_bits, 4);
    pointer(ring + word, descs), pointer(ring + 2 * word, infos), pointer(ring + 3 * word, id - 1),
        pointer(ring + 4 * word, first_id);
    pointer(ring + 5 * word, id - 1);
    image_.write_virtual(ring + 6 * word, size_bits, 4);
    pointer(ring + 7 * word, data), pointer(ring + 8 * word, position),
        pointer(ring + 9 * word, tail_position);
    number("prb", ring, word);
  }

  void btf() {
    BtfWriter btf;
    const unsigned u32 = btf.integer("unsigned int", 4, false), i32 = btf.integer("int", 4, true),
                   u64 = btf.integer("unsigned long long", 8, false),
                   ulong = btf.integer("long unsigned int", word_, false),
                   u16 = btf.integer("unsigned short", 2, false),
                   u8 = btf.integer("unsigned char", 1, false), chr = btf.integer("char", 1, true);
    const unsigned ptr = btf.pointer(0);
    const unsigned bits = word_ * 8;
    const unsigned list =
        btf.structure("list_head", 2 * word_, {{"next", ptr, 0}, {"prev", ptr, bits}});
    const unsigned comm = btf.array(chr, 16), name65 = btf.array(chr, 65);
    unsigned thread = 0;
    if (arm_) {
      std::vector<BtfWriter::Member> context;
      for (unsigned number = 19; number < 29; ++number)
        context.push_back({fmt::format("x{}", number), ulong, (number - 19) * 64});
      context.insert(context.end(), {{"fp", ulong, 640}, {"sp", ulong, 704}, {"pc", ulong, 768}});
      thread = btf.structure(
          "thread_struct", 128,
          {{"cpu_context", btf.structure("cpu_context", 104, context), Layout::cpu_context * 8}});
    } else {
      thread = btf.structure("thread_struct", 64, {{"sp", ulong, Layout::thread_sp * 8}});
    }
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
                   {"cpu", u32, Layout::cpu * 8},
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
    const unsigned module_layout = btf.structure(
        "module_layout", 40,
        {{"base", ptr, Layout::layout_base * 8}, {"text_size", u32, Layout::layout_text_size * 8}});
    btf.structure("mod_kallsyms", 32,
                  {{"symtab", ptr, Layout::symtab * 8},
                   {"num_symtab", u32, Layout::num_symtab * 8},
                   {"strtab", ptr, Layout::strtab * 8},
                   {"typetab", ptr, Layout::typetab * 8}});
    btf.structure("module", Layout::module_size,
                  {{"list", list, Layout::module_list * 8},
                   {"name", btf.array(chr, 56), Layout::module_name * 8},
                   {"core_layout", module_layout, Layout::core_layout * 8},
                   {"kallsyms", ptr, Layout::kallsyms * 8},
                   {"sect_attrs", ptr, Layout::sect_attrs * 8},
                   {"percpu", ptr, Layout::percpu * 8},
                   {"percpu_size", u32, Layout::percpu_size * 8}});
    const unsigned attribute =
        btf.structure("attribute", 16 + word_, {{"name", ptr, Layout::attribute_name * 8}});
    const unsigned bin_attribute =
        btf.structure("bin_attribute", Layout::bin_size,
                      {{"attr", attribute, 0}, {"private", ptr, Layout::bin_private * 8}});
    if (arm_) {
      const unsigned group = btf.structure("attribute_group", Layout::bin_attrs + word_,
                                           {{"bin_attrs", ptr, Layout::bin_attrs * 8}});
      btf.structure("module_sect_attrs", Layout::attrs, {{"grp", group, 0}});
    } else {
      const unsigned section =
          word_ == 8 ? btf.structure("module_sect_attr", Layout::section_size,
                                     {{"battr", bin_attribute, Layout::battr * 8},
                                      {"address", ulong, Layout::section_address * 8}})
                     : btf.structure("module_sect_attr", Layout::section_size,
                                     {{"name", ptr, Layout::section_name * 8},
                                      {"address", ulong, Layout::section_address * 8}});
      btf.structure("module_sect_attrs", Layout::attrs,
                    {{"nsections", u32, Layout::nsections * 8},
                     {"attrs", btf.array(section, 0), Layout::attrs * 8}});
    }
    const unsigned uts = btf.structure("new_utsname", 390,
                                       {{"sysname", name65, 0},
                                        {"nodename", name65, 65 * 8},
                                        {"release", name65, 130 * 8},
                                        {"version", name65, 195 * 8},
                                        {"machine", name65, 260 * 8},
                                        {"domainname", name65, 325 * 8}});
    btf.structure("uts_namespace", 400, {{"name", uts, Layout::uts_name * 8}});
    if (!arm_) {
      std::vector<BtfWriter::Member> saved;
      const std::vector<std::string> names =
          word_ == 8 ? std::vector<std::string>{"r15", "r14", "r13", "r12", "bx", "bp", "ret_addr"}
                     : std::vector<std::string>{"flags", "si", "di", "bx", "bp", "ret_addr"};
      for (const std::string& name : names)
        saved.push_back({name, ulong, static_cast<unsigned>(saved.size()) * bits});
      btf.structure("inactive_task_frame", static_cast<unsigned>(names.size()) * word_, saved);
    }
    const unsigned cpu_words = btf.array(ulong, 64 / bits);
    btf.structure("cpumask", 8, {{"bits", cpu_words, 0}});
    const unsigned stack = btf.array(ulong, 16384 / word_);
    btf.structure("thread_union", 16384, {{"stack", stack, 0}});
    const unsigned atomic =
        btf.type_definition("atomic_long_t", btf.structure("", word_, {{"counter", ulong, 0}}));
    const unsigned lpos =
        btf.structure("prb_data_blk_lpos", 2 * word_, {{"begin", ulong, 0}, {"next", ulong, bits}});
    btf.structure("prb_desc", 3 * word_, {{"state_var", atomic, 0}, {"text_blk_lpos", lpos, bits}});
    btf.structure("printk_info", 88,
                  {{"seq", u64, 0},
                   {"ts_nsec", u64, 64},
                   {"text_len", u16, 128},
                   {"facility", u8, 144},
                   {"flags", u8, 152, 5},
                   {"level", u8, 157, 3},
                   {"caller_id", u32, 160}});
    const unsigned desc_ring = btf.structure("prb_desc_ring", 6 * word_,
                                             {{"count_bits", u32, 0},
                                              {"descs", ptr, bits},
                                              {"infos", ptr, 2 * bits},
                                              {"head_id", atomic, 3 * bits},
                                              {"tail_id", atomic, 4 * bits},
                                              {"last_finalized_id", atomic, 5 * bits}});
    const unsigned data_ring = btf.structure("prb_data_ring", 4 * word_,
                                             {{"size_bits", u32, 0},
                                              {"data", ptr, bits},
                                              {"head_lpos", atomic, 2 * bits},
                                              {"tail_lpos", atomic, 3 * bits}});
    btf.structure("printk_ringbuffer", 11 * word_,
                  {{"desc_ring", desc_ring, 0},
                   {"text_data_ring", data_ring, 6 * bits},
                   {"fail", atomic, 10 * bits}});
    const Blob blob = btf.finish();
    const std::uint64_t at = heap_.take(blob.size());
    for (std::size_t index = 0; index < blob.size(); ++index)
      image_.write_virtual(at + index, blob[index], 1);
    symbol("__start_BTF", at, 'R');
    symbol("__stop_BTF", at + blob.size(), 'R');
  }

  void vmcoreinfo(const std::vector<Symbol>& all, const std::vector<Symbol>& kallsyms) {
    const Mapping* kernel = nullptr;
    for (const Mapping& mapping : image_.mappings)
      if (description_.heap.start >= mapping.virtual_address &&
          description_.heap.start - mapping.virtual_address < mapping.size)
        kernel = &mapping;
    std::string& text = image_.vmcoreinfo;
    text = fmt::format("OSRELEASE={}\nPAGESIZE={}\n", release, image_.page);
    for (const Symbol& symbol : all)
      if (symbol.name == "init_uts_ns" || symbol.name == "swapper_pg_dir" ||
          symbol.name == "_stext" || symbol.name == "prb")
        text += fmt::format("SYMBOL({})={:x}\n", symbol.name, symbol.address);
    if (description_.tell_kallsyms)
      for (const Symbol& symbol : kallsyms)
        text += fmt::format("SYMBOL({})={:x}\n", symbol.name, symbol.address);
    if (arm_) {
      text += fmt::format("NUMBER(VA_BITS)=48\nNUMBER(kimage_voffset)={:#x}\nKERNELOFFSET={:x}\n",
                          kernel->virtual_address - kernel->physical,
                          description_.heap.start - 0xffff800008000000ULL);
    } else if (word_ == 4) {
      if (image_.paging == "pae") text += "CONFIG_X86_PAE=y\n";
    } else {
      const auto phys_base = static_cast<std::int64_t>(
          kernel->physical - (kernel->virtual_address - 0xffffffff80000000ULL));
      text += fmt::format(
          "NUMBER(phys_base)={}\nNUMBER(pgtable_l5_enabled)={}\nKERNELOFFSET={:x}\n", phys_base,
          image_.paging == "five_level" ? 1 : 0, description_.heap.start - 0xffffffff81000000ULL);
    }
    text += "CRASHTIME=1700000000\n";
  }

  Description& description_;
  Image& image_;
  Heap heap_;
  unsigned word_;
  bool arm_;
  std::uint64_t crashed_cpu_ = 0xffffffff;
};

}  // namespace

void build_linux(Description& description) { World(description).build(); }

void finish_linux(Description& description) {
  if (description.image.root != description.image.table_area.start)
    throw std::runtime_error("the root of the page tables is not where swapper_pg_dir says");
}

}  // namespace foundry
