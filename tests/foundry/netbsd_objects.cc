#include "tests/foundry/netbsd_objects.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace foundry {
namespace {

constexpr unsigned regular = 1, directory = 2, character = 4, fifo = 7;  // v_type

/// makedev() of sys/sys/types.h: "5:300".
std::uint64_t device_number(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::uint64_t major = std::stoull(text), minor = std::stoull(text.substr(colon + 1));
  return (major << 8U & 0xfff00U) | (minor << 12U & 0xfff00000U) | (minor & 0xffU);
}

}  // namespace

NetBsdObjects::NetBsdObjects(Description& description, const KernelLayout& layout, Heap& heap)
    : description_(description),
      image_(description.image),
      layout_(layout),
      heap_(heap),
      word_(description.image.pointer()) {}

void NetBsdObjects::set(std::uint64_t object, std::string_view structure, std::string_view path,
                        std::uint64_t value) {
  const KernelLayout::Member* member = layout_.find(structure, path);
  if (!member) return;
  const bool is_link = member->kind == "le" || member->kind == "tqe" || member->kind == "tqh";
  image_.write_virtual(object + member->offset, value,
                       is_link ? word_ : static_cast<unsigned>(member->size));
}

void NetBsdObjects::set_text(std::uint64_t object, std::string_view structure,
                             std::string_view path, const std::string& text) {
  image_.write_virtual(object + layout_.offset(structure, path), text);
}

std::uint64_t NetBsdObjects::string(const std::string& text) {
  const std::uint64_t at = heap_.take(text.size() + 1);
  image_.write_virtual(at, text);
  return at;
}

std::uint64_t NetBsdObjects::place(const std::string& name, std::uint64_t size) {
  const std::uint64_t at = heap_.take(size);
  image_.symbols.push_back({name, at, size, 'D'});
  return at;
}

void NetBsdObjects::number(const std::string& name, std::uint64_t value, unsigned width) {
  image_.write_virtual(place(name, width), value, width);
}

void NetBsdObjects::link(std::uint64_t head, std::string_view structure, std::string_view path,
                         const std::vector<std::uint64_t>& objects, std::uint64_t last) {
  for (const std::uint64_t object : objects) {
    image_.write_virtual(head, object, word_);
    head = object + layout_.offset(structure, path);
  }
  image_.write_virtual(head, last, word_);
}

std::uint64_t NetBsdObjects::process_of(std::int64_t pid) const {
  for (const ProcessText& process : description_.processes)
    if (process.pid == pid) return process.address;
  return 0;
}

std::uint64_t NetBsdObjects::mount(const MachineText::Mounted& mounted) {
  const std::uint64_t mount = mounts_[mounted.path] = make("mount");
  set_text(mount, "mount", "mnt_stat.f_mntonname", mounted.path);
  set_text(mount, "mount", "mnt_stat.f_mntfromname", mounted.source);
  set_text(mount, "mount", "mnt_stat.f_fstypename", mounted.type);
  set(mount, "mount", "mnt_stat.f_owner", mounted.owner);
  set(mount, "mount", "mnt_flag", mounted.flags);
  return mount;
}

std::uint64_t NetBsdObjects::mount_of(const std::string& path) {
  std::string best;
  for (const auto& [at, mount] : mounts_)
    if (at == "/" || path == at || path.starts_with(at + "/"))
      if (at.size() > best.size()) best = at;
  if (best.empty()) throw std::runtime_error("nothing is mounted above " + path);
  return mounts_[best];
}

std::uint64_t NetBsdObjects::vnode(const std::string& path, unsigned type) {
  if (const auto known = vnodes_.find(path); known != vnodes_.end()) return known->second;
  // Since NetBSD 8 a struct vnode is the beginning of a struct vnode_impl.
  const bool has_more = has("vnode_impl", "vi_nc_list");
  const std::uint64_t vnode = vnodes_[path] = make(has_more ? "vnode_impl" : "vnode");
  set(vnode, "vnode", "v_type", type);
  set(vnode, "vnode", "v_mount", mount_of(path));
  if (mounts_.contains(path)) {
    set(vnode, "vnode", "v_vflag", 1);  // VV_ROOT
    return vnode;
  }
  const std::size_t slash = path.rfind('/');
  const std::uint64_t above = this->vnode(slash == 0 ? "/" : path.substr(0, slash), directory);
  const auto entry_of = [&](const std::string& name, std::uint64_t parent) {
    const std::uint64_t entry = heap_.take(layout_.size("namecache") + name.size() + 1);
    set(entry, "namecache", "nc_dvp", parent);
    set(entry, "namecache", "nc_vp", vnode);
    set(entry, "namecache", "nc_nlen", name.size());
    set(entry, "namecache", "nc_key", 0xabcde800U | name.size());  // a hash above the length
    set_text(entry, "namecache", "nc_name", name);
    return entry;
  };
  std::vector<std::uint64_t> entries;
  // A directory is also what ".." in one below it names: no name of its own.
  if (type == directory) entries.push_back(entry_of("..", vnode));
  entries.push_back(entry_of(path.substr(slash + 1), above));
  if (has_more)
    link(vnode + layout_.offset("vnode_impl", "vi_nc_list"), "namecache", "nc_list", entries);
  else
    link(vnode + layout_.offset("vnode", "v_nclist"), "namecache", "nc_vlist", entries);
  return vnode;
}

std::uint64_t NetBsdObjects::group_of(const ProcessText& process) {
  std::uint64_t& session = sessions_[process.session];
  if (session == 0) {
    session = make("session");
    set(session, "session", "s_sid", static_cast<std::uint64_t>(process.session));
  }
  if (!process.terminal.empty()) {
    const std::uint64_t terminal = make("tty");
    set(terminal, "tty", "t_dev", device_number(process.terminal));
    set(session, "session", "s_ttyp", terminal);
  }
  std::uint64_t& group = groups_[process.group];
  if (group == 0) {
    group = make("pgrp");
    set(group, "pgrp", "pg_id", static_cast<std::uint64_t>(process.group));
    set(group, "pgrp", "pg_session", session);
  }
  return group;
}

/// A struct bintime of so many ticks of the description.
void NetBsdObjects::times(std::uint64_t object, std::string_view structure, std::string_view member,
                          std::uint64_t ticks) {
  const std::uint64_t rate = description_.tick_rate == 0 ? 1 : description_.tick_rate;
  const double part = static_cast<double>(ticks % rate) / static_cast<double>(rate);
  set(object, structure, std::string(member) + ".sec", ticks / rate);
  set(object, structure, std::string(member) + ".frac",
      static_cast<std::uint64_t>(std::ldexp(part, 64)));
}

void NetBsdObjects::identity(ProcessText& process) {
  const std::uint64_t at = process.address, cred = make("kauth_cred");
  set(at, "proc", "p_cred", cred);
  set(cred, "kauth_cred", "cr_euid", process.uid);
  set(cred, "kauth_cred", "cr_uid", process.real_uid);
  set(cred, "kauth_cred", "cr_egid", process.gid);
  set(cred, "kauth_cred", "cr_gid", process.real_gid);
  set(at, "proc", "p_pptr", process_of(process.ppid));
  set(at, "proc", "p_flag", process.flags);
  set(at, "proc", "p_lflag", process.terminal.empty() ? 0 : 1);  // PL_CONTROLT
  set(at, "proc", "p_nice", static_cast<std::uint64_t>(process.nice + 20));
  set(at, "proc", "p_pgrp", group_of(process));
  bool stopped = !process.threads.empty(), traced = false;
  for (const ThreadText& thread : process.threads) {
    stopped = stopped && (thread.state == "stopped" || thread.state == "traced");
    traced = traced || thread.state == "traced";
  }
  // SACTIVE, SSTOP, SZOMB; PSL_TRACED.
  set(at, "proc", "p_stat", process.zombie ? 5 : stopped ? 4 : 2);
  set(at, "proc", "p_slflag", traced ? 0x40 : 0);
  const std::uint64_t stats = make("pstats");
  set(at, "proc", "p_stats", stats);
  if (process.start_seconds != 0 || process.start_microseconds != 0)
    set(stats, "pstats", "p_start.tv_sec", description_.machine.clock.boot + process.start_seconds);
  set(stats, "pstats", "p_start.tv_usec", process.start_microseconds);
  times(at, "proc", "p_rtime", process.run_ticks);
  set(at, "proc", "p_uticks", process.user_ticks);
  set(at, "proc", "p_sticks", process.system_ticks);
  set(at, "proc", "p_iticks", process.interrupt_ticks);
}

void NetBsdObjects::maps(ProcessText& process) {
  const std::uint64_t header = process.space + layout_.offset("vmspace", "vm_map.header");
  set(process.space, "vmspace", "vm_map.nentries", process.mappings.size());
  std::vector<std::uint64_t> entries;
  for (MappingText& mapping : process.mappings) {
    const std::uint64_t entry = mapping.address = make("vm_map_entry");
    entries.push_back(entry);
    set(entry, "vm_map_entry", "start", mapping.start);
    set(entry, "vm_map_entry", "end", mapping.end);
    unsigned protection = 0;
    if (mapping.access[0] == 'r') protection += 1;
    if (mapping.access[1] == 'w') protection += 2;
    if (mapping.access[2] == 'x') protection += 4;
    set(entry, "vm_map_entry", "protection", protection);
    set(entry, "vm_map_entry", "inheritance", mapping.access[3] == 's' ? 0 : 1);
    if (mapping.path == "[stack]") {
      set(process.space, "vmspace", "vm_maxsaddr", mapping.start);
      set(process.space, "vmspace", "vm_minsaddr", mapping.end);
    }
    // UVM_ET_OBJ; UVM_ET_COPYONWRITE where it may get pages of its own.
    const bool of_file = mapping.path.starts_with("/");
    set(entry, "vm_map_entry", "etype", (of_file ? 1U : 0U) | (mapping.copied ? 4U : 0U));
    set(entry, "vm_map_entry", "offset", mapping.offset);
    if (!of_file) continue;
    // A vnode is a uvm_object; uvm_vnodeops are its operations.
    const std::uint64_t object = vnode(mapping.path, regular);
    for (const Symbol& symbol : image_.symbols)
      if (symbol.name == "uvm_vnodeops") set(object, "uvm_object", "pgops", symbol.address);
    set(entry, "vm_map_entry", "object.uvm_obj", object);
  }
  link(header + layout_.offset("vm_map_entry", "next"), "vm_map_entry", "next", entries, header);
}

void NetBsdObjects::space(ProcessText& process) {
  if (process.size == 0) return;
  process.space = make("vmspace");
  const std::uint64_t pmap = make("pmap");
  set(process.address, "proc", "p_vmspace", process.space);
  set(process.space, "vmspace", "vm_map.pmap", pmap);
  set(process.space, "vmspace", "vm_map.size", process.size);
  set(pmap, "pmap", "pm_stats.resident_count", process.resident_pages);
  maps(process);
}

/// struct ps_strings and what it names, in the process's own memory, as execve(2) leaves them.
void NetBsdObjects::strings(const ProcessText& process) {
  if (process.strings == 0) return;
  set(process.address, "proc", "p_psstrp", process.strings);
  const unsigned width = process.of_32_bits ? 4 : word_;
  std::uint64_t next = process.strings + std::uint64_t{4} * width;
  const auto list = [&](std::uint64_t at, const std::vector<std::string>& words) {
    std::uint64_t pointers = next;
    next += (words.size() + 1) * width;
    image_.write_virtual(at, pointers, width);
    image_.write_virtual(at + width, words.size(), 4);
    for (const std::string& word : words) {
      image_.write_virtual(pointers, next, width), pointers += width;
      image_.write_virtual(next, word), next += word.size() + 1;
    }
  };
  list(process.strings, process.arguments);
  list(process.strings + std::uint64_t{2} * width, process.environment);
}

std::uint64_t NetBsdObjects::socket(DescriptorText& open) {
  const std::uint64_t socket = open.socket_address = make("socket");
  const bool is_unix = open.type.starts_with("unix"), six = open.type.ends_with('6');
  const bool stream = open.type.starts_with("tcp") || open.type == "unix-stream";
  set(socket, "socket", "so_type", stream ? 1 : 2);
  std::uint64_t& protocol = protocols_[open.type];
  if (protocol == 0) {
    protocol = make("protosw");
    const std::uint64_t domain = make("domain");
    set(domain, "domain", "dom_family", is_unix ? 1 : six ? 24 : 2);
    set(protocol, "protosw", "pr_domain", domain);
    set(protocol, "protosw", "pr_protocol", is_unix ? 0 : open.type.starts_with("tcp") ? 6 : 17);
  }
  set(socket, "socket", "so_proto", protocol);
  return socket;
}

std::uint64_t NetBsdObjects::file(DescriptorText& open) {
  const std::uint64_t file = open.address = make("file");
  unsigned flags = 0;
  if (open.access.find('r') != std::string::npos) flags += 1;
  if (open.access.find('w') != std::string::npos) flags += 2;
  set(file, "file", "f_flag", flags + open.flags);
  set(file, "file", "f_offset", open.position);
  // DTYPE_*, sys/sys/file.h.
  const std::map<std::string, unsigned> nodes = {
      {"file", regular}, {"directory", directory}, {"device", character}, {"fifo", fifo}};
  const std::map<std::string, unsigned> others = {
      {"pipe", 3}, {"kqueue", 4}, {"sem", 8}, {"shm", 11}};
  if (const auto node = nodes.find(open.type); node != nodes.end()) {
    set(file, "file", "f_type", 1);
    set(file, "file", "f_undata.fd_data", vnode(open.path, node->second));
  } else if (const auto other = others.find(open.type); other != others.end()) {
    set(file, "file", "f_type", other->second);
    set(file, "file", "f_undata.fd_data", heap_.take(64));
  } else {
    set(file, "file", "f_type", 2);
    set(file, "file", "f_undata.fd_data", socket(open));
  }
  return file;
}

void NetBsdObjects::files(ProcessText& process) {
  const std::uint64_t at = process.address;
  const std::uint64_t places = make("cwdinfo");
  set(at, "proc", "p_cwdi", places);
  if (!process.directory.empty())
    set(places, "cwdinfo", "cwdi_cdir", vnode(process.directory, directory));
  // Null: the root of the system.
  if (!process.root.empty() && process.root != "/")
    set(places, "cwdinfo", "cwdi_rdir", vnode(process.root, directory));
  if (!process.executable.empty()) {
    set(at, "proc", "p_textvp", vnode(process.executable, regular));
    if (has("proc", "p_path")) set(at, "proc", "p_path", string(process.executable));
  }
  const std::uint64_t table = make("filedesc");
  set(at, "proc", "p_fd", table);
  std::int64_t room = 20;  // NDFILE
  for (const DescriptorText& open : process.descriptors) room = std::max(room, open.number + 1);
  const std::uint64_t first = layout_.offset("fdtab", "dt_ff");
  const std::uint64_t slots = heap_.take(first + word_ * static_cast<std::uint64_t>(room));
  set(table, "filedesc", "fd_dt", slots);
  set(slots, "fdtab", "dt_nfiles", static_cast<std::uint64_t>(room));
  // The first slots have their struct fdfile from the beginning, open or not.
  for (std::uint64_t slot = 0; slot < 6; ++slot)
    image_.write_virtual(slots + first + slot * word_, make("fdfile"), word_);
  for (DescriptorText& open : process.descriptors) {
    const std::uint64_t slot = make("fdfile");
    image_.write_virtual(slots + first + static_cast<std::uint64_t>(open.number) * word_, slot,
                         word_);
    set(slot, "fdfile", "ff_file", file(open));
  }
}

void NetBsdObjects::process(ProcessText& process) {
  identity(process);
  space(process);
  strings(process);
  files(process);
}

void NetBsdObjects::lwp(ThreadText& thread, const ProcessText& process,
                        const std::vector<std::uint64_t>& cpus, bool idle) {
  const std::uint64_t at = thread.address;
  set(at, "lwp", "l_lid", static_cast<std::uint64_t>(thread.tid));
  set(at, "lwp", "l_proc", process.address);
  // Only kernel threads and those that were given one have a name.
  if (thread.name != process.name) set(at, "lwp", "l_name", string(thread.name));
  set(at, "lwp", "l_priority", thread.priority);
  set(at, "lwp", "l_class", thread.scheduling_class);
  times(at, "lwp", "l_rtime", thread.run_ticks);
  const std::uint64_t cpu = thread.cpu ? static_cast<std::uint64_t>(*thread.cpu) : thread.last_cpu;
  set(at, "lwp", "l_cpu", cpus.at(static_cast<std::size_t>(cpu)));
  set(at, "lwp", "l_wchan", thread.channel);
  if (!thread.message.empty()) set(at, "lwp", "l_wmesg", string(thread.message));
  // LS*, LW_IDLE, LW_SINTR of sys/sys/lwp.h.
  std::uint64_t state = 3, flags = idle ? 1 : 0;
  if (thread.cpu)
    state = 7;
  else if (thread.state == "running")
    state = 2;
  else if (thread.state == "new" || thread.state == "idle")
    state = 1;
  else if (thread.state == "stopped" || thread.state == "traced")
    state = 4;
  else if (thread.state != "uninterruptible")
    flags |= 0x80;
  set(at, "lwp", "l_stat", state);
  set(at, "lwp", "l_flag", flags);
}

}  // namespace foundry
