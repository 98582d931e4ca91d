#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/foundry/illumos_world.h"

namespace foundry {
namespace {

constexpr std::uint64_t ticks_per_second = 100;
constexpr std::uint64_t system_process = 1;  // SSYS
const char* const classes[] = {"SYS", "TS", "FX", "IA", "FSS", "SDC"};
// What a thread sleeps on, by the number of its type (uts/common/sys/sobject.h).
const char* const objects[] = {
    "", "mutex", "readers/writer lock", "condition variable", "semaphore", "user lock", "", "door"};

class Processes {
 public:
  explicit Processes(IllumosParts& parts) : parts_(parts), image_(parts.image), word_(parts.word) {}

  void build() {
    auto& all = parts_.description.processes;
    parts_.place("kas", parts_.layout.size("as"));
    classes_table();
    segment_drivers();
    std::uint64_t link = parts_.place("practive", word_);
    for (ProcessText& process : all) {
      process.address =
          process.pid == 0 ? parts_.place("p0", parts_.layout.size("proc")) : parts_.make("proc");
      image_.write_virtual(link, process.address, word_);
      link = process.address + parts_.layout.offset("proc", "p_next");
    }
    for (ProcessText& process : all) {
      identity(process);
      space(process);
      files(process);
      threads(process);
    }
    // The ring of all threads begins with the first of process 0; others come in any order.
    std::vector<std::uint64_t> ring;
    for (const ProcessText& process : all)
      for (const ThreadText& thread : process.threads)
        if (process.pid == 0 && thread.address == process.threads.front().address)
          ring.insert(ring.begin(), thread.address);
        else
          ring.push_back(thread.address);
    for (std::size_t i = 0; i < ring.size(); ++i)
      set(ring[i], "_kthread", "t_next", ring[(i + 1) % ring.size()]);
    parts_.number("allthreads", ring.empty() ? 0 : ring.front(), word_);
  }

 private:
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value) {
    parts_.set(object, structure, path, value);
  }

  void classes_table() {
    const std::uint64_t size = parts_.layout.size("sclass");
    const std::uint64_t table = parts_.place("sclass", size * std::size(classes));
    for (std::size_t i = 0; i < std::size(classes); ++i)
      set(table + i * size, "sclass", "cl_name", parts_.string(classes[i]));
  }

  void segment_drivers() {
    for (const char* name : {"segvn_ops", "segdev_ops", "segspt_shmops"}) parts_.place(name, 64);
  }

  std::uint64_t id(std::int64_t number) {
    std::uint64_t& at = ids_[number];
    if (at == 0) {
      at = parts_.make("pid");
      set(at, "pid", "pid_id", static_cast<std::uint64_t>(number));
    }
    return at;
  }

  void identity(ProcessText& process) {
    const std::uint64_t at = process.address, cred = parts_.make("cred");
    set(at, "proc", "p_pidp", id(process.pid));
    set(at, "proc", "p_ppid", static_cast<std::uint64_t>(process.ppid));
    set(at, "proc", "p_pgidp", id(process.group));
    set(at, "proc", "p_stat", process.zombie ? 3 : 2);
    set(at, "proc", "p_flag", process.flags);
    parts_.set_text(at, "proc", "p_user.u_comm", process.name);
    set(at, "proc", "p_cred", cred);
    set(cred, "cred", "cr_uid", process.uid);
    set(cred, "cred", "cr_ruid", process.real_uid);
    set(cred, "cred", "cr_gid", process.gid);
    set(cred, "cred", "cr_rgid", process.real_gid);
    std::uint64_t& session = sessions_[process.session];
    if (session == 0) {
      session = parts_.make("sess");
      set(session, "sess", "s_sidp", id(process.session));
    }
    if (!process.terminal.empty()) {
      set(session, "sess", "s_vp", parts_.vnode("/dev/" + process.terminal, "device"));
      set(session, "sess", "s_dev", 0x18);
    }
    set(at, "proc", "p_sessp", session);
    std::uint64_t& zone = zones_[process.jail];
    if (zone == 0) {
      zone = parts_.make("zone");
      set(zone, "zone", "zone_id", static_cast<std::uint64_t>(process.jail));
    }
    set(at, "proc", "p_zone", zone);
    set(at, "proc", "p_user.u_ticks",
        process.start_seconds * ticks_per_second + process.start_microseconds / 10000);
    // LMS_USER, LMS_SYSTEM, LMS_TRAP of the lwps that are gone.
    const std::uint64_t times = at + parts_.layout.offset("proc", "p_acct");
    image_.write_virtual(times, process.user_ticks, 8);
    image_.write_virtual(times + 8, process.system_ticks, 8);
    image_.write_virtual(times + 16, process.interrupt_ticks, 8);
    image_.write_virtual(times + 24, 12345, 8);  // LMS_TFAULT: no time that it ran
    const auto directory = [&](const char* member, const std::string& path) {
      if (!path.empty()) set(at, "proc", member, parts_.vnode(path, "directory"));
    };
    if (!process.executable.empty())
      set(at, "proc", "p_exec", parts_.vnode(process.executable, "file"));
    directory("p_user.u_cdir", process.directory);
    if (process.root != "/") directory("p_user.u_rdir", process.root);
    std::string beginning;
    for (const std::string& word : process.arguments)
      beginning += (beginning.empty() ? "" : " ") + word;
    parts_.set_text(at, "proc", "p_user.u_psargs", beginning);
  }

  /// Bytes of the process's own memory.
  void write_own(const ProcessText& process, std::uint64_t address, const void* bytes,
                 std::size_t size) {
    for (const Mapping& one : process.memory)
      if (address >= one.virtual_address && address + size <= one.virtual_address + one.size) {
        image_.write(one.physical + (address - one.virtual_address), bytes, size);
        return;
      }
    throw std::runtime_error("the description does not say where a process's pages lie");
  }
  void write_own(const ProcessText& process, std::uint64_t address, std::uint64_t value,
                 unsigned width) {
    Blob blob;
    append(blob, value, width);
    write_own(process, address, blob.data(), blob.size());
  }

  /// Pointers and texts as the loader leaves them on a program's stack; `alone`: the first argument
  /// lies in its heap, where the program has put it.
  void strings(ProcessText& process) {
    if (process.strings == 0) return;
    const unsigned width = process.of_32_bits ? 4 : word_;
    set(process.address, "proc", "p_user.u_argc", process.arguments.size());
    set(process.address, "proc", "p_user.u_argv", process.strings);
    set(process.address, "proc", "p_user.u_envp",
        process.strings + (process.arguments.size() + 1) * width);
    std::uint64_t pointer = process.strings;
    std::uint64_t text =
        process.strings + (process.arguments.size() + process.environment.size() + 2) * width;
    const auto put_all = [&](const std::vector<std::string>& words, bool first_elsewhere) {
      for (const std::string& word : words) {
        std::uint64_t& at = text;
        std::uint64_t elsewhere = process.memory.back().virtual_address + 64;
        std::uint64_t& place = first_elsewhere ? elsewhere : at;
        first_elsewhere = false;
        write_own(process, pointer, place, width);
        write_own(process, place, word.c_str(), word.size() + 1);
        pointer += width, place += word.size() + 1;
      }
      write_own(process, pointer, 0, width);
      pointer += width;
    };
    put_all(process.arguments, process.arguments_in_memory);
    put_all(process.environment, false);
  }

  void segment(ProcessText& process, MappingText& mapping) {
    const std::uint64_t at = mapping.address;
    set(at, "seg", "s_base", mapping.start);
    set(at, "seg", "s_size", mapping.end - mapping.start);
    if (mapping.path == "[segdev]" || mapping.path == "[segspt_shmops]") {
      set(at, "seg", "s_ops",
          parts_.symbol(mapping.path == "[segdev]" ? "segdev_ops" : "segspt_shmops"));
      return;
    }
    const std::uint64_t data = parts_.make("segvn_data");
    set(at, "seg", "s_ops", parts_.symbol("segvn_ops"));
    set(at, "seg", "s_data", data);
    std::uint64_t protection = 8;  // PROT_USER
    for (std::size_t i = 0; i < 3; ++i)
      if (mapping.access[i] == "rwx"[i]) protection |= std::uint64_t{1} << i;
    set(data, "segvn_data", "prot", protection);
    set(data, "segvn_data", "type", mapping.access[3] == 's' ? 1 : 2);
    if (mapping.path == "[heap]") {
      set(process.address, "proc", "p_brkbase", mapping.start + 16);
      set(process.address, "proc", "p_brksize", mapping.end - mapping.start - 32);
    } else if (mapping.path == "[stack]") {
      set(process.address, "proc", "p_usrstack", mapping.end);
      set(process.address, "proc", "p_stksize", mapping.end - mapping.start);
    } else if (!mapping.path.empty()) {
      set(data, "segvn_data", "vp", parts_.vnode(mapping.path, "file"));
      set(data, "segvn_data", "offset", mapping.offset);
    }
  }

  void space(ProcessText& process) {
    const bool system = (process.flags & system_process) != 0;
    if (system || process.zombie) {
      set(process.address, "proc", "p_as", parts_.symbol("kas"));
      return;
    }
    process.space = parts_.make("as");
    const std::uint64_t hat = parts_.make("hat");
    process.tables = parts_.make("htable");
    set(process.address, "proc", "p_as", process.space);
    set(process.address, "proc", "p_model", process.of_32_bits ? 0x100000 : 0x200000);
    set(process.space, "as", "a_hat", hat);
    set(process.space, "as", "a_size", process.size);
    set(hat, "hat", "hat_htable", process.tables);
    // All but two in small pages, those as one large one.
    const std::uint64_t pages = hat + parts_.layout.offset("hat", "hat_pages_mapped");
    const std::uint64_t large = process.resident_pages / 512;
    image_.write_virtual(pages, process.resident_pages % 512, word_);
    image_.write_virtual(pages + word_, large, word_);
    for (MappingText& mapping : process.mappings) {
      mapping.address = parts_.make("seg");
      segment(process, mapping);
    }
    tree(process);
    for (const Mapping& one : process.memory) image_.spaces.push_back({process.space, one});
    strings(process);
  }

  void tree(const ProcessText& process) {
    const std::uint64_t at = process.space + parts_.layout.offset("as", "a_segtree");
    const std::uint64_t link = parts_.layout.offset("seg", "s_tree");
    set(at, "avl_tree", "avl_offset", link);
    set(at, "avl_tree", "avl_numnodes", process.mappings.size());
    const std::uint64_t children = parts_.layout.offset("avl_node", "avl_child");
    const auto subtree = [&](const auto& self, std::size_t low, std::size_t end) -> std::uint64_t {
      if (low == end) return 0;
      const std::size_t middle = low + (end - low) / 2;
      const std::uint64_t node = process.mappings[middle].address + link;
      image_.write_virtual(node + children, self(self, low, middle), word_);
      image_.write_virtual(node + children + word_, self(self, middle + 1, end), word_);
      return node;
    };
    set(at, "avl_tree", "avl_root", subtree(subtree, 0, process.mappings.size()));
  }

  void files(ProcessText& process) {
    if (process.descriptors.empty()) return;
    std::int64_t most = 0;
    for (const DescriptorText& open : process.descriptors) most = std::max(most, open.number);
    const std::uint64_t size = parts_.layout.size("uf_entry");
    const std::uint64_t count = static_cast<std::uint64_t>(most) + 2;
    const std::uint64_t list = parts_.heap.take(size * count);
    set(process.address, "proc", "p_user.u_finfo.fi_nfiles", count);
    set(process.address, "proc", "p_user.u_finfo.fi_list", list);
    for (DescriptorText& open : process.descriptors) {
      open.address = parts_.make("file");
      set(list + static_cast<std::uint64_t>(open.number) * size, "uf_entry", "uf_file",
          open.address);
      std::uint64_t flags = open.flags;  // FREAD and FWRITE are 1 and 2
      for (const char letter : open.access) flags |= letter == 'r' ? 1 : 2;
      set(open.address, "file", "f_flag", flags);
      set(open.address, "file", "f_offset", open.position);
      set(open.address, "file", "f_vnode", parts_.vnode(open.path, open.type));
    }
  }

  std::uint64_t sleeps_on(const std::string& kind) {
    std::uint64_t& at = operations_[kind];
    if (at == 0) {
      at = parts_.make("_sobj_ops");
      set(at, "_sobj_ops", "sobj_type",
          static_cast<std::uint64_t>(std::find(std::begin(objects), std::end(objects), kind) -
                                     std::begin(objects)));
    }
    return at;
  }

  void threads(ProcessText& process) {
    const bool system = (process.flags & system_process) != 0;
    for (ThreadText& thread : process.threads) thread.address = parts_.make("_kthread");
    for (std::size_t i = 0; i < process.threads.size(); ++i) {
      ThreadText& thread = process.threads[i];
      const std::uint64_t at = thread.address;
      if (i == 0) set(process.address, "proc", "p_tlist", at);
      // Threads without an lwp are on no ring but that of all, but for the system's first.
      if (!system || i == 0)
        set(at, "_kthread", "t_forw",
            process.threads[system ? 0 : (i + 1) % process.threads.size()].address);
      set(at, "_kthread", "t_procp", process.address);
      set(at, "_kthread", "t_did", system ? static_cast<std::uint64_t>(thread.tid) : 7777 + i);
      if (!system) {
        const std::uint64_t lwp = parts_.make("_klwp");
        set(at, "_kthread", "t_tid", static_cast<std::uint64_t>(thread.tid));
        set(at, "_kthread", "t_lwp", lwp);
        const std::uint64_t times = lwp + parts_.layout.offset("_klwp", "lwp_mstate.ms_acct");
        image_.write_virtual(times, thread.user_ticks, 8);
        image_.write_virtual(times + 8, thread.system_ticks, 8);
        image_.write_virtual(times + 16, thread.new_ticks, 8);
      }
      name(thread, process, system);
      state(thread);
      scheduling(thread, process);
      stack(thread);
    }
  }

  /// A thread of the kernel's is called after the function that it began in.
  void name(const ThreadText& thread, const ProcessText& process, bool system) {
    for (const Symbol& symbol : image_.symbols)
      if (system && symbol.type == 'T' && symbol.name == thread.name) {
        set(thread.address, "_kthread", "t_startpc", symbol.address);
        return;
      }
    if (thread.name != process.name)
      set(thread.address, "_kthread", "t_name", parts_.string(thread.name));
  }

  void state(const ThreadText& thread) {
    // TS_*, uts/common/sys/thread.h; T_INTR_THREAD 1, T_WAKEABLE 2.
    static const std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> states = {
        {"", {1, 2}},         {"sleeping", {1, 2}}, {"uninterruptible", {1, 0}},
        {"locked", {1, 0}},   {"running", {2, 0}},  {"zombie", {8, 0}},
        {"stopped", {16, 0}}, {"waiting", {32, 0}}, {"idle", {0, 1}},
        {"new", {0, 0}}};
    const auto& [number, flags] = states.at(thread.state);
    set(thread.address, "_kthread", "t_state", thread.cpu ? 4 : number);
    set(thread.address, "_kthread", "t_flag", flags);
    if (!thread.message.empty())
      set(thread.address, "_kthread", "t_sobj_ops", sleeps_on(thread.message));
    set(thread.address, "_kthread", "t_lwpchan.lc_wchan", thread.channel);
  }

  void scheduling(const ThreadText& thread, const ProcessText& process) {
    const std::uint64_t at = thread.address;
    set(at, "_kthread", "t_pri", thread.priority);
    set(at, "_kthread", "t_cid", thread.scheduling_class);
    const std::string name = classes[thread.scheduling_class];
    const std::uint64_t nice = static_cast<std::uint64_t>(process.nice + 20);
    const char* const structure = name == "TS" || name == "IA" ? "tsproc"
                                  : name == "FX"               ? "fxproc"
                                  : name == "FSS"              ? "fssproc"
                                                               : nullptr;
    if (structure) {
      const std::uint64_t data = parts_.make(structure);
      const char* const member = name == "FX" ? "fx_nice" : name == "FSS" ? "fss_nice" : "ts_nice";
      set(data, structure, member, nice);
      set(at, "_kthread", "t_cldata", data);
    }
    const std::uint64_t number =
        thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) : thread.last_cpu;
    for (MachineText::Cpu& cpu : parts_.description.machine.cpus) {
      if (cpu.number != number) continue;
      set(at, "_kthread", "t_cpu", cpu.base);
      if (!thread.cpu) continue;
      cpu.current = at;
      set(cpu.base, "cpu", "cpu_thread", at);
      if (thread.name.starts_with("idle")) set(cpu.base, "cpu", "cpu_idle_thread", at);
    }
  }

  /// Frames, innermost first. What follows one in an entry from a trap or a system call is what
  /// that saved: a struct regs (uts/intel/sys/privregs.h), which begins as a frame does.
  void stack(ThreadText& thread) {
    const std::uint64_t size = std::max<std::uint64_t>(thread.stack_pages, 1) * image_.page;
    thread.stack = parts_.heap.take_aligned(size, image_.page);
    const std::uint64_t top = thread.stack + size - 0x100;
    set(thread.address, "_kthread", "t_stkbase", thread.stack);
    set(thread.address, "_kthread", "t_stk", top);
    const bool wide = word_ == 8;
    std::vector<std::uint64_t> places(thread.frames.size());
    std::uint64_t at = thread.stack + size / 2;
    for (std::size_t i = 0; i < places.size(); ++i) {
      places[i] = at;
      at += is_entry(thread.frames[i]) ? 320U : 48U;
    }
    if (at > thread.stack + size) throw std::runtime_error("a thread's stack is too small");
    for (std::size_t i = 0; i < places.size(); ++i) {
      const bool last = i + 1 == places.size();
      const std::uint64_t caller = last ? 0 : places[i + 1], pc = last ? 0 : thread.frames[i + 1];
      image_.write_virtual(places[i], caller, word_);
      image_.write_virtual(places[i] + word_, pc, word_);
      if (!is_entry(thread.frames[i])) continue;
      // The entry's own registers end with those that the processor pushed.
      const auto put_word = [&](unsigned index, std::uint64_t value) {
        image_.write_virtual(places[i] + std::uint64_t{index} * word_, value, word_);
      };
      const std::uint64_t user_pc = wide ? 0x401234 : 0x8051234;
      put_word(0, last ? user_pc + 0x1000 : caller), put_word(1, last ? user_pc : pc);
      put_word(wide ? 10 : 8, caller);                // rbp
      put_word(wide ? 25 : 16, last ? user_pc : pc);  // rip
      put_word(wide ? 26 : 17, last ? 0x53 : 0x30);   // cs
      if (wide) put_word(28, places[i] + 240);        // rsp
    }
    registers(thread, places);
  }

  bool is_entry(std::uint64_t pc) const {
    const std::string function = parts_.function_at(pc - 1);
    return function == "cmntrap" || function == "sys_syscall" || function == "sys_call";
  }

  void registers(ThreadText& thread, const std::vector<std::uint64_t>& places) {
    const std::uint64_t pc = thread.frames.empty() ? 0 : thread.frames.front();
    const std::uint64_t frame = places.empty() ? 0 : places.front();
    const std::uint64_t label = thread.address + parts_.layout.offset("_kthread", "t_pcb");
    const auto save = [&](std::uint64_t counter, std::uint64_t sp, std::uint64_t fp) {
      image_.write_virtual(label, counter, word_);
      image_.write_virtual(label + word_, sp, word_);
      image_.write_virtual(label + std::uint64_t{2} * word_, fp, word_);
    };
    thread.fp = frame, thread.sp = frame;
    if (thread.cpu) thread.sp = frame - std::uint64_t{4} * word_;
    if (thread.crashed) {
      // Its own label is setjmp()'s in panicsys(); panicbuf has what it panicked with.
      save(parts_.symbol("panicsys") + 16, thread.stack + 64, thread.stack + 128);
    } else if (thread.cpu) {
      // panic_idle()'s setjmp(), or, where nothing panicked, an old one.
      save(parts_.description.panic.empty() ? pc + 1 : pc, thread.sp, frame);
    } else if (frame != 0) {
      // resume() pushed the frame pointer: the label has it too.
      const std::uint64_t pushed = places.size() > 1 ? places[1] : 0;
      save(pc, frame, pushed);
    }
    if (!thread.cpu) return;
    auto& cpus = image_.cpus;
    const auto number = static_cast<std::size_t>(*thread.cpu);
    if (cpus.size() <= number) cpus.resize(number + 1);
    cpus[number].pc = pc, cpus[number].sp = thread.sp, cpus[number].fp = frame;
  }

  IllumosParts& parts_;
  Image& image_;
  unsigned word_;
  std::map<std::int64_t, std::uint64_t> ids_, sessions_, zones_;
  std::map<std::string, std::uint64_t> operations_;
};

}  // namespace

void build_illumos_processes(IllumosParts& parts) { Processes(parts).build(); }

}  // namespace foundry
