#include "tests/foundry/freebsd_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace foundry {
namespace {

// Where the set of processors' variables was linked and what lies in it: named ones, the run queue.
constexpr std::uint64_t linked_at = 0x4000, queue_in_area = 0x40, area_size = 0x2000;
// The same of network stacks' variables.
constexpr std::uint64_t network_start = 0x8000, network_area_size = 0x400;

/// `value` in `parts` unequal parts.
std::vector<std::uint64_t> parts_of(std::uint64_t value, std::uint64_t parts) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t i = 1; i < parts; ++i) out.push_back(value / 3), value -= value / 3;
  out.push_back(value);
  return out;
}

}  // namespace

FreeBsdMachine::FreeBsdMachine(Description& description, const KernelLayout& layout, Heap& heap,
                               FreeBsdObjects& objects, std::uint64_t cpus)
    : description_(description),
      image_(description.image),
      layout_(layout),
      heap_(heap),
      objects_(objects),
      cpus_(cpus),
      word_(description.image.pointer()) {}

void FreeBsdMachine::set_text(std::uint64_t object, std::string_view structure,
                              std::string_view path, const std::string& text) {
  image_.write_virtual(object + layout_.offset(structure, path), text);
}

std::uint64_t FreeBsdMachine::place(const std::string& name, std::uint64_t size) {
  const std::uint64_t at = heap_.take(size);
  image_.symbols.push_back({name, at, size, 'D'});
  return at;
}

void FreeBsdMachine::number(const std::string& name, std::uint64_t value, unsigned width) {
  image_.write_virtual(place(name, width), value, width);
}

std::uint64_t FreeBsdMachine::string(const std::string& text) {
  const std::uint64_t at = heap_.take(text.size() + 1);
  image_.write_virtual(at, text);
  return at;
}

void FreeBsdMachine::link(std::uint64_t head, std::string_view structure, std::string_view path,
                          const std::vector<std::uint64_t>& objects) {
  for (const std::uint64_t object : objects) {
    image_.write_virtual(head, object, word_);
    head = object + layout_.offset(structure, path);
  }
}

/// counter(9): each processor's share lies a page behind the one before.
std::uint64_t FreeBsdMachine::counter(std::uint64_t value) {
  const std::uint64_t at = share_ + next_in_share_;
  next_in_share_ += 8;
  std::uint64_t cpu = 0;
  // One share is negative: only the sum counts.
  std::vector<std::uint64_t> shares = parts_of(value + 7, cpus_);
  shares.front() -= 7;
  for (const std::uint64_t share : shares) image_.write_virtual(at + image_.page * cpu++, share, 8);
  return at - share_base_;
}

void FreeBsdMachine::processors() {
  share_ = heap_.take_aligned(image_.page * cpus_, image_.page);
  const std::uint64_t by_number = place("cpuid_to_pcpu", std::uint64_t{64} * word_);
  const std::uint64_t offsets = place("dpcpu_off", std::uint64_t{64} * word_);
  const std::uint64_t all = place("all_cpus", 128);
  const bool own_queues = description_.version >= 1300000;
  const std::uint64_t queue_size = layout_.size("tdq");
  std::uint64_t queues = 0;
  if (own_queues)
    image_.symbols.push_back({"pcpu_entry_tdq", linked_at + queue_in_area, queue_size, 'D'});
  else
    queues = place("tdq_cpu", queue_size * cpus_);
  std::vector<std::uint64_t> structures;
  for (std::uint64_t i = 0; i < cpus_; ++i) structures.push_back(make("pcpu"));
  if (has("pcpu", "pc_zpcpu_offset")) share_base_ = structures.front();
  std::uint64_t online = 0;
  for (MachineText::Cpu& cpu : description_.machine.cpus) {
    const std::uint64_t pcpu = structures.at(static_cast<std::size_t>(cpu.number));
    image_.write_virtual(by_number + cpu.number * word_, pcpu, word_);
    set(pcpu, "pcpu", "pc_cpuid", cpu.number);
    if (has("pcpu", "pc_cp_time"))
      for (std::size_t i = 0; i < cpu.times.size(); ++i)
        image_.write_virtual(pcpu + layout_.offset("pcpu", "pc_cp_time") + i * word_, cpu.times[i],
                             word_);
    set(pcpu, "pcpu", "pc_zpcpu_offset", share_base_ + cpu.number * image_.page);
    const std::uint64_t variables = heap_.take(queue_in_area + queue_size + 0x40);
    cpu.base = variables - linked_at;
    set(pcpu, "pcpu", "pc_dynamic", cpu.base);
    image_.write_virtual(offsets + cpu.number * word_, cpu.base, word_);
    set(own_queues ? variables + queue_in_area : queues + cpu.number * queue_size, "tdq",
        "tdq_load", cpu.runnable);
    if (cpu.online) online |= std::uint64_t{1} << cpu.number;
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads) {
        if (thread.name == fmt::format("idle: cpu{}", cpu.number))
          set(pcpu, "pcpu", "pc_idlethread", thread.address);
        if (thread.cpu && static_cast<std::uint64_t>(*thread.cpu) == cpu.number)
          cpu.current = thread.address;
      }
    set(pcpu, "pcpu", "pc_curthread", cpu.current);
  }
  image_.write_virtual(all, online, word_);
}

void FreeBsdMachine::modules() {
  std::vector<std::uint64_t> files;
  for (MachineText::Module& module : description_.machine.modules)
    files.push_back(module.address = make("elf_file"));  // which begins with the linker_file
  for (MachineText::Module& module : description_.machine.modules) {
    const auto fill = [&](std::string_view path, std::uint64_t value) {
      set(module.address, "linker_file", path, value);
    };
    fill("filename", string(module.name));
    fill("id", static_cast<std::uint64_t>(module.id));
    fill("refs", static_cast<std::uint64_t>(module.references));
    fill("flags", module.flags);
    fill("address", module.start);
    fill("size", module.size);
    symbols(module);
    sections(module);
    fill("ndeps", module.needs.size());
    if (module.needs.empty()) continue;
    const std::uint64_t needs = heap_.take(module.needs.size() * word_);
    fill("deps", needs);
    for (std::size_t i = 0; i < module.needs.size(); ++i)
      for (const MachineText::Module& needed : description_.machine.modules)
        if (needed.name == module.needs[i])
          image_.write_virtual(needs + i * word_, needed.address, word_);
  }
  link(place("linker_files", std::uint64_t{2} * word_), "linker_file", "link", files);
  if (!files.empty()) number("linker_kernel_file", files.front(), word_);
}

/// What the kernel keeps of a module's symbols: values as they came to be in relocatable files
/// (amd64), as they were linked in others.
void FreeBsdMachine::symbols(const MachineText::Module& module) {
  if (module.symbols.empty()) return;
  const bool relocatable = image_.architecture == "x86_64", wide = word_ == 8;
  std::string texts(1, '\0');
  const std::uint64_t entry = wide ? 24 : 16;
  const std::uint64_t table = heap_.take(entry * (module.symbols.size() + 2));
  // An entry of none, and one of a file's name, which is no symbol of the module's.
  std::uint64_t at = table + entry;
  const auto add = [&](const std::string& name, unsigned info, std::uint64_t value,
                       std::uint64_t size) {
    image_.write_virtual(at, texts.size(), 4);
    image_.write_virtual(at + (wide ? 4 : 12), info, 1);
    image_.write_virtual(at + (wide ? 6 : 14), 1, 2);
    image_.write_virtual(at + (wide ? 8 : 4), value, word_);
    image_.write_virtual(at + (wide ? 16 : 8), size, word_);
    texts += name + '\0';
    at += entry;
  };
  add("foundry.c", 4, 0, 0);  // STT_FILE
  for (const Symbol& symbol : module.symbols) {
    const unsigned binding = symbol.type >= 'a' ? 0 : 16;  // STB_LOCAL, STB_GLOBAL
    const bool is_code = symbol.type == 'T' || symbol.type == 't';
    add(symbol.name, binding + (is_code ? 2 : 1),
        relocatable ? symbol.address : symbol.address - module.start, symbol.size);
  }
  const std::uint64_t names = heap_.take(texts.size());
  image_.write_virtual(names, std::string_view(texts));
  set(module.address, "elf_file", "ddbsymtab", table);
  set(module.address, "elf_file", "ddbsymcnt", module.symbols.size() + 2);
  set(module.address, "elf_file", "ddbstrtab", names);
  set(module.address, "elf_file", "ddbstrcnt", texts.size());
  set(module.address, "elf_file", "address", module.start);
}

/// sys/kern/link_elf_obj.c: an Elf_progent for each section that was loaded.
void FreeBsdMachine::sections(const MachineText::Module& module) {
  if (module.sections.empty()) return;
  const std::uint64_t one = layout_.size("Elf_progent");
  std::uint64_t at = heap_.take(module.sections.size() * one);
  set(module.address, "elf_file", "progtab", at);
  set(module.address, "elf_file", "nprogtab", module.sections.size());
  for (const MachineText::Module::Section& section : module.sections) {
    set(at, "Elf_progent", "addr", section.address);
    set(at, "Elf_progent", "size", section.size);
    set(at, "Elf_progent", "name", string(section.name));
    at += one;
  }
}

void FreeBsdMachine::mounts() {
  std::vector<std::uint64_t> list;
  for (MachineText::Mounted& mount : description_.machine.mounts) {
    const std::uint64_t at = mount.address = make("mount");
    list.push_back(at);
    set_text(at, "mount", "mnt_stat.f_mntfromname", mount.source);
    set_text(at, "mount", "mnt_stat.f_mntonname", mount.path);
    set_text(at, "mount", "mnt_stat.f_fstypename", mount.type);
    set(at, "mount", "mnt_stat.f_owner", mount.owner);
    set(at, "mount", "mnt_stat.f_flags", 0);  // nobody has asked yet
    set(at, "mount", "mnt_flag", mount.flags);
  }
  link(place("mountlist", std::uint64_t{2} * word_), "mount", "mnt_list", list);
}

void FreeBsdMachine::load() {
  const MachineText::Load& load = description_.machine.load;
  const std::uint64_t at = place("averunnable", layout_.size("loadavg"));
  const std::uint64_t first = at + layout_.offset("loadavg", "ldavg");
  for (std::size_t i = 0; i < load.averages.size(); ++i)
    image_.write_virtual(first + 4 * i, load.averages[i], 4);
  set(at, "loadavg", "fscale", load.scale);
  number("lastpid", static_cast<std::uint64_t>(load.last_pid), 4);
  if (load.threads != 0) number("nthreads", load.threads, 4);
  const MachineText::Clock& clock = description_.machine.clock;
  const std::uint64_t hands = make("timehands");
  set(hands, "timehands", "th_boottime.sec", clock.boot);
  set(hands, "timehands", "th_offset.sec", clock.uptime);
  set(hands, "timehands", "th_offset.frac", clock.fraction);
  number("timehands", hands, word_);
}

void FreeBsdMachine::swap() {
  std::vector<std::uint64_t> list;
  for (MachineText::Swap& swap : description_.machine.swaps) {
    list.push_back(swap.address = make("swdevt"));
    set(swap.address, "swdevt", "sw_nblks", swap.blocks);
    set(swap.address, "swdevt", "sw_used", swap.used);
    // VCHR, VREG.
    set(swap.address, "swdevt", "sw_vp", objects_.vnode(swap.path, swap.is_device ? 4 : 1));
  }
  link(place("swtailq", std::uint64_t{2} * word_), "swdevt", "sw_list", list);
}

void FreeBsdMachine::memory() {
  const MachineText& machine = description_.machine;
  number("physmem", machine.memory.physical, word_);
  number("vm_user_wire_count", machine.memory.user_wired, word_);
  const std::uint64_t meter = place("vm_cnt", layout_.size("vmmeter"));
  set(meter, "vmmeter", "v_page_size", image_.page);
  set(meter, "vmmeter", "v_page_count", machine.memory.pages);
  set(meter, "vmmeter", "v_wire_count", counter(machine.memory.wired));
  const std::uint64_t size = layout_.size("vm_domain"), queue = layout_.size("vm_pagequeue");
  const std::uint64_t first = place("vm_dom", size * machine.domains.size());
  number("vm_ndomains", machine.domains.size(), 4);
  std::uint64_t index = 0;
  for (MachineText::Domain& domain : description_.machine.domains) {
    const std::uint64_t at = domain.address = first + size * index;
    const auto fill = [&](std::string_view path, std::uint64_t value) {
      set(at, "vm_domain", path, value);
    };
    fill("vmd_domain", index++);
    fill("vmd_page_count", domain.pages);
    fill("vmd_free_count", domain.free);
    fill("vmd_free_reserved", domain.reserved);
    fill("vmd_free_min", domain.least);
    fill("vmd_free_target", domain.target);
    // PQ_INACTIVE, PQ_ACTIVE, PQ_LAUNDRY.
    const std::uint64_t queues = at + layout_.offset("vm_domain", "vmd_pagequeues");
    set(queues, "vm_pagequeue", "pq_cnt", domain.inactive);
    set(queues + queue, "vm_pagequeue", "pq_cnt", domain.active);
    set(queues + 2 * queue, "vm_pagequeue", "pq_cnt", domain.laundry);
  }
  const std::uint64_t buffers = layout_.size("bufdomain");
  const std::uint64_t space = place("bdomain", buffers * 2);
  number("buf_domains", 2, 4);
  set(space, "bufdomain", "bd_bufspace", machine.memory.buffers / 4);
  set(space + buffers, "bufdomain", "bd_bufspace",
      machine.memory.buffers - machine.memory.buffers / 4);
}

std::uint64_t FreeBsdMachine::keg(const MachineText::Zone& zone) {
  const std::uint64_t domains = description_.machine.domains.size();
  const std::uint64_t inner = layout_.offset("uma_keg", "uk_domain");
  const std::uint64_t size = layout_.size("uma_domain");
  const std::uint64_t at = heap_.take(std::max(layout_.size("uma_keg"), inner + size * domains));
  set(at, "uma_keg", "uk_pages", zone.pages);
  set(at, "uma_keg", "uk_free", zone.keg_free);
  const auto pages = parts_of(zone.pages, domains), free = parts_of(zone.keg_free, domains);
  for (std::uint64_t i = 0; i < domains; ++i) {
    set(at + inner + size * i, "uma_domain", "ud_pages", pages[static_cast<std::size_t>(i)]);
    set(at + inner + size * i, "uma_domain", "ud_free_items", free[static_cast<std::size_t>(i)]);
  }
  return at;
}

void FreeBsdMachine::fill(MachineText::Zone& zone) {
  const std::uint64_t domains = description_.machine.domains.size();
  const std::uint64_t inner = layout_.offset("uma_zone", "uz_cpu"),
                      cache = layout_.size("uma_cache"),
                      of_domain = layout_.size("uma_zone_domain");
  const std::uint64_t at = zone.address = heap_.take(inner + cache * cpus_ + of_domain * domains);
  set(at, "uma_zone", "uz_name", string(zone.name));
  set(at, "uma_zone", "uz_size", zone.size);
  // What was handed out: some by the zone itself, the rest by each processor's cache.
  const auto out = parts_of(zone.allocations, cpus_ + 1), back = parts_of(zone.frees, cpus_ + 1);
  const bool counted = layout_.find("uma_zone", "uz_allocs")->kind == "pointer";
  set(at, "uma_zone", "uz_allocs",
      counted ? counter(out[static_cast<std::size_t>(cpus_)])
              : out[static_cast<std::size_t>(cpus_)]);
  set(at, "uma_zone", "uz_frees",
      counted ? counter(back[static_cast<std::size_t>(cpus_)])
              : back[static_cast<std::size_t>(cpus_)]);
  for (std::uint64_t i = 0; i < cpus_; ++i) {
    set(at + inner + cache * i, "uma_cache", "uc_allocs", out[static_cast<std::size_t>(i)]);
    set(at + inner + cache * i, "uma_cache", "uc_frees", back[static_cast<std::size_t>(i)]);
  }
  // What is kept: in two buckets of the first processor, one of the last, and by the domains.
  const auto kept = parts_of(zone.cached, 3 + domains);
  const auto bucket = [&](std::uint64_t cpu, const std::string& name, std::uint64_t count) {
    if (has("uma_cache", name + ".ucb_cnt")) {
      set(at + inner + cache * cpu, "uma_cache", name + ".ucb_cnt", count);
      return;
    }
    const std::uint64_t apart = make("uma_bucket");
    set(apart, "uma_bucket", "ub_cnt", count);
    set(at + inner + cache * cpu, "uma_cache", name, apart);
  };
  bucket(0, "uc_allocbucket", kept[0]);
  bucket(0, "uc_freebucket", kept[1]);
  bucket(cpus_ - 1, has("uma_cache", "uc_crossbucket.ucb_cnt") ? "uc_crossbucket" : "uc_freebucket",
         cpus_ == 1 && !has("uma_cache", "uc_crossbucket.ucb_cnt") ? kept[1] + kept[2] : kept[2]);
  std::uint64_t lists = at + inner + cache * cpus_;
  if (has("uma_zone", "uz_domain")) {
    lists = heap_.take(of_domain * domains);
    set(at, "uma_zone", "uz_domain", lists);
  }
  for (std::uint64_t i = 0; i < domains; ++i)
    set(lists + of_domain * i, "uma_zone_domain", "uzd_nitems",
        kept[static_cast<std::size_t>(3 + i)]);
}

void FreeBsdMachine::zones() {
  std::vector<std::uint64_t> kegs, without;
  std::vector<std::vector<std::uint64_t>> of_keg;
  for (MachineText::Zone& zone : description_.machine.zones) {
    fill(zone);
    if (zone.without_keg) {
      without.push_back(zone.address);
      continue;
    }
    if (!zone.secondary) kegs.push_back(keg(zone)), of_keg.emplace_back();
    of_keg.back().push_back(zone.address);
  }
  link(place("uma_kegs", word_), "uma_keg", "uk_link", kegs);
  for (std::size_t i = 0; i < kegs.size(); ++i)
    link(kegs[i] + layout_.offset("uma_keg", "uk_zones"), "uma_zone", "uz_link", of_keg[i]);
  link(place("uma_cachezones", word_), "uma_zone", "uz_link", without);
}

void FreeBsdMachine::interrupts() {
  auto& all = description_.machine.interrupts;
  const bool arm = image_.architecture == "aarch64";
  const std::uint64_t row = arm ? 39 : 20;    // 2 * MAXCOMLEN + 1, MAXCOMLEN + 1
  const std::uint64_t rows = all.size() + 3;  // some were never given out
  // Arrays on arm64 until FreeBSD 14, else pointers to them.
  const bool arrays = arm && description_.version < 1400000;
  const auto array = [&](const std::string& name, std::uint64_t size) {
    if (arrays) return place(name, size);
    const std::uint64_t at = heap_.take(size);
    number(name, at, word_);
    return at;
  };
  const std::uint64_t counts = array("intrcnt", rows * word_);
  const std::uint64_t names = array("intrnames", rows * row);
  number("sintrcnt", rows * word_, word_);
  number("sintrnames", rows * row, word_);
  std::vector<std::uint64_t> events;
  const auto event_of = [&](std::uint64_t line, const std::vector<std::string>& names_of_handlers) {
    const std::uint64_t event = make("intr_event");
    events.push_back(event);
    set(event, "intr_event", "ie_irq", line);
    std::vector<std::uint64_t> handlers;
    for (const std::string& name : names_of_handlers) {
      handlers.push_back(make("intr_handler"));
      set_text(handlers.back(), "intr_handler", "ih_name", name);
    }
    link(event + layout_.offset("intr_event", "ie_handlers"), "intr_handler", "ih_next", handlers);
    return event;
  };
  // Those of software have no line: all say 0.
  set(event_of(0, {"clock (0)"}), "intr_event", "ie_flags", 1);  // IE_SOFT
  for (std::size_t i = 0; i < all.size(); ++i) {
    MachineText::Interrupt& it = all[i];
    std::string padded = it.name;
    padded.resize(static_cast<std::size_t>(row - 1), ' ');
    image_.write_virtual(names + row * i, padded);
    image_.write_virtual(counts + word_ * i, it.count, word_);
    if (!it.line) continue;
    it.address = event_of(static_cast<std::uint64_t>(*it.line), it.handlers);
  }
  link(place("event_list", std::uint64_t{2} * word_), "intr_event", "ie_list", events);
}

std::uint64_t FreeBsdMachine::variable(MachineText::Variable& text) {
  // CTLTYPE_* and the bytes of a number.
  struct Type {
    const char* name;
    unsigned number, size;
  };
  const Type types[] = {{"node", 1, 0},
                        {"integer", 2, 4},
                        {"string", 3, 0},
                        {"int64_t", 4, 8},
                        {"opaque", 5, 0},
                        {"unsigned integer", 6, 4},
                        {"long integer", 7, word_},
                        {"unsigned long", 8, word_},
                        {"uint64_t", 9, 8},
                        {"uint8_t", 10, 1},
                        {"uint16_t", 11, 2},
                        {"int8_t", 12, 1},
                        {"int16_t", 13, 2},
                        {"int32_t", 14, 4},
                        {"uint32_t", 15, 4}};
  const Type* type = std::find_if(std::begin(types), std::end(types),
                                  [&](const Type& one) { return text.type == one.name; });
  if (type == std::end(types)) throw std::runtime_error("unknown type " + text.type);
  const std::uint64_t at = text.address = make("sysctl_oid");
  const auto fill = [&](std::string_view path, std::uint64_t value) {
    set(at, "sysctl_oid", path, value);
  };
  fill("oid_name", string(text.name.substr(text.name.rfind('.') + 1)));
  fill("oid_kind", text.flags + type->number);
  if (!text.doc.empty()) fill("oid_descr", string(text.doc));
  fill("oid_fmt", string(text.format));
  if (!text.handler.empty() && text.handler != "none") {
    std::uint64_t& handler = handlers_[text.handler];
    if (handler == 0) {
      handler = heap_.take(16);
      image_.symbols.push_back({text.handler, handler, 16, 'T'});
    }
    fill("oid_handler", handler);
  }
  if (text.constant) {
    fill("oid_arg2", static_cast<std::uint64_t>(text.values.front()));
    return at;
  }
  std::uint64_t value = 0, length = 0;
  if (text.handler == "sysctl_handle_counter_u64") {
    value = heap_.take(word_);
    image_.write_virtual(value, counter(static_cast<std::uint64_t>(text.values.front())), word_);
  } else if (!text.values.empty()) {
    length = type->size * text.values.size();
    value = heap_.take(length);
    for (std::size_t i = 0; i < text.values.size(); ++i)
      image_.write_virtual(value + type->size * i, static_cast<std::uint64_t>(text.values[i]),
                           type->size);
  } else if (!text.text.empty()) {
    value = string(text.text), length = text.text.size() + 1;
  }
  // CTLFLAG_VNET: where it lay when the set of variables of network stacks was linked.
  if ((text.flags & 0x20000) != 0) value -= network_stack_;
  fill("oid_arg1", value);
  fill("oid_arg2", length);
  return at;
}

/// A list until FreeBSD 13, then a tree.
void FreeBsdMachine::children(std::uint64_t head, const std::vector<std::uint64_t>& variables) {
  if (has("sysctl_oid", "oid_link.sle_next")) {
    link(head, "sysctl_oid", "oid_link.sle_next", variables);
    return;
  }
  const std::uint64_t links = layout_.offset("sysctl_oid", "oid_link.rbe_link");
  const std::function<std::uint64_t(std::size_t, std::size_t, std::uint64_t)> subtree =
      [&](std::size_t low, std::size_t end, std::uint64_t parent) -> std::uint64_t {
    if (low == end) return 0;
    const std::size_t middle = low + (end - low) / 2;
    const std::uint64_t at = variables[middle];
    image_.write_virtual(at + links, parent + 1, word_);  // the lowest bits are colours
    image_.write_virtual(at + links + word_, subtree(low, middle, at), word_);
    image_.write_virtual(at + links + std::uint64_t{2} * word_, subtree(middle + 1, end, at),
                         word_);
    return at;
  };
  image_.write_virtual(head, subtree(0, variables.size(), 0), word_);
}

void FreeBsdMachine::sysctls() {
  const std::uint64_t stack = make("vnet");
  network_area_ = heap_.take(network_area_size);
  network_stack_ = network_area_ - network_start;
  set(stack, "vnet", "vnet_data_base", network_stack_);
  number("vnet0", stack, word_);
  // Children in the order in which they are first named.
  std::map<std::string, std::vector<std::uint64_t>> below;
  std::map<std::string, std::uint64_t> nodes;
  const std::function<void(const std::string&)> node = [&](const std::string& name) {
    if (name.empty() || nodes.contains(name)) return;
    const std::size_t dot = name.rfind('.');
    const std::string above = dot == std::string::npos ? "" : name.substr(0, dot);
    node(above);
    MachineText::Variable text;
    text.name = name, text.type = "node";
    nodes[name] = variable(text);
    below[above].push_back(nodes[name]);
  };
  for (MachineText::Variable& text : description_.machine.variables) {
    const std::size_t dot = text.name.rfind('.');
    const std::string above = dot == std::string::npos ? "" : text.name.substr(0, dot);
    node(above);
    below[above].push_back(variable(text));
  }
  const std::uint64_t root = place("sysctl__children", word_);
  for (const auto& [name, variables] : below)
    children(name.empty() ? root : nodes[name] + layout_.offset("sysctl_oid", "oid_children"),
             variables);
}

/// The symbols with which a linker frames a set.
void FreeBsdMachine::set_of(const std::string& name, std::uint64_t linked, std::uint64_t size) {
  image_.symbols.push_back({"__start_set_" + name, linked, 0, 'D'});
  image_.symbols.push_back({"__stop_set_" + name, linked + size, 0, 'D'});
}

std::uint64_t FreeBsdMachine::place_of_network(const std::string& name, std::uint64_t size) {
  image_.symbols.push_back({"vnet_entry_" + name, network_start + in_network_area_, size, 'D'});
  const std::uint64_t at = network_area_ + in_network_area_;
  in_network_area_ += size;
  return at;
}

void FreeBsdMachine::own_variables() {
  set_of("pcpu", linked_at, area_size);
  set_of("vnet", network_start, network_area_size);
  std::uint64_t in_area = 0;
  for (MachineText::Own& own : description_.machine.own) {
    const std::uint64_t size = own.counters ? word_ * own.values.size() : word_;
    if (own.set == "pcpu") {
      const std::uint64_t linked = linked_at + in_area;
      for (std::size_t i = 0; i < own.values.size(); ++i) {
        own.addresses.push_back(description_.machine.cpus.at(i).base + linked);
        image_.write_virtual(own.addresses.back(), own.values[i], word_);
      }
      image_.symbols.push_back({own.symbol(), linked, size, 'D'});
      in_area += size;
      continue;
    }
    const std::uint64_t at =
        own.set == "vnet" ? place_of_network(own.name, size) : place(own.name, size);
    own.addresses.push_back(at);
    for (std::size_t i = 0; i < own.values.size(); ++i)
      image_.write_virtual(at + word_ * i, own.counters ? counter(own.values[i]) : own.values[i],
                           word_);
  }
}

void FreeBsdMachine::build() {
  if (!description_.machine.any) return;
  processors();
  modules();
  mounts();
  load();
  swap();
  memory();
  zones();
  interrupts();
  sysctls();
  own_variables();
}

}  // namespace foundry
