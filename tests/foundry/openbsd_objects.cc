#include "tests/foundry/openbsd_objects.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace foundry {
namespace {

constexpr unsigned regular = 1, directory = 2, character = 4, fifo = 7;  // v_type
constexpr std::size_t longest_cached = 31;                               // NAMECACHE_MAXLEN

struct Host {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 16;
};

/// "1.2.3.4" or "fe80::2".
Host host_of(const std::string& text) {
  Host host;
  if (text.find(':') == std::string::npos) {
    unsigned parts[4] = {};
    if (std::sscanf(text.c_str(), "%u.%u.%u.%u", &parts[0], &parts[1], &parts[2], &parts[3]) != 4)
      throw std::runtime_error("not an address: " + text);
    for (std::size_t i = 0; i < 4; ++i) host.bytes.at(i) = static_cast<std::uint8_t>(parts[i]);
    host.size = 4;
    return host;
  }
  // Groups of hexadecimal digits before and after a "::".
  const std::size_t gap = std::min(text.find("::"), text.size());
  const auto groups = [](const std::string& part) {
    std::vector<unsigned long> found;
    for (std::size_t at = 0; at < part.size();) {
      const std::size_t end = std::min(part.find(':', at), part.size());
      found.push_back(std::stoul(part.substr(at, end - at), nullptr, 16));
      at = end + 1;
    }
    return found;
  };
  const auto front = groups(text.substr(0, gap));
  const auto back = groups(gap == text.size() ? "" : text.substr(gap + 2));
  const auto put_at = [&](std::size_t index, unsigned long value) {
    host.bytes.at(2 * index) = static_cast<std::uint8_t>(value / 256);
    host.bytes.at(2 * index + 1) = static_cast<std::uint8_t>(value % 256);
  };
  for (std::size_t i = 0; i < front.size(); ++i) put_at(i, front[i]);
  for (std::size_t i = 0; i < back.size(); ++i) put_at(8 - back.size() + i, back[i]);
  return host;
}

}  // namespace

OpenBsdObjects::OpenBsdObjects(Description& description, const KernelLayout& layout, Heap& heap,
                               std::uint64_t vnode_pages)
    : description_(description),
      image_(description.image),
      layout_(layout),
      heap_(heap),
      word_(description.image.pointer()),
      vnode_pages_(vnode_pages) {}

void OpenBsdObjects::set(std::uint64_t object, std::string_view structure, std::string_view path,
                         std::uint64_t value) {
  const KernelLayout::Member* member = layout_.find(structure, path);
  if (!member) return;
  const bool link = member->kind == "le" || member->kind == "tqe" || member->kind == "tqh";
  image_.write_virtual(object + member->offset, value,
                       link ? word_ : static_cast<unsigned>(member->size));
}

void OpenBsdObjects::set_text(std::uint64_t object, std::string_view structure,
                              std::string_view path, const std::string& text) {
  image_.write_virtual(object + layout_.offset(structure, path), text);
}

std::uint64_t OpenBsdObjects::string(const std::string& text) {
  const std::uint64_t at = heap_.take(text.size() + 1);
  image_.write_virtual(at, text);
  return at;
}

std::uint64_t OpenBsdObjects::process_of(std::int64_t pid) const {
  for (const ProcessText& process : description_.processes)
    if (process.pid == pid) return process.address;
  return 0;
}

void OpenBsdObjects::mounts(std::uint64_t head) {
  std::uint64_t link = head;
  for (MachineText::Mounted& mounted : description_.machine.mounts) {
    const std::uint64_t at = mounted.address = make("mount");
    set_text(at, "mount", "mnt_stat.f_mntfromname", mounted.source);
    set_text(at, "mount", "mnt_stat.f_mntonname", mounted.path);
    set_text(at, "mount", "mnt_stat.f_fstypename", mounted.type);
    set(at, "mount", "mnt_flag", mounted.flags);
    image_.write_virtual(link, at, word_);
    link = at + layout_.offset("mount", "mnt_list");
  }
}

std::uint64_t OpenBsdObjects::mount_of(const std::string& path) const {
  const MachineText::Mounted* best = nullptr;
  for (const MachineText::Mounted& mounted : description_.machine.mounts) {
    const bool under =
        path == mounted.path || mounted.path == "/" || path.starts_with(mounted.path + "/");
    if (under && (!best || mounted.path.size() > best->path.size())) best = &mounted;
  }
  return best ? best->address : 0;
}

std::uint64_t OpenBsdObjects::vnode(const std::string& path, unsigned type) {
  if (const auto known = vnodes_.find(path); known != vnodes_.end()) return known->second;
  const std::uint64_t vnode = vnodes_[path] = make("vnode");
  if (!has("vnode", "v_type")) return vnode;  // a layout that knows nothing of vnodes
  const std::uint64_t mount = mount_of(path), generation = generation_ += 7;
  set(vnode, "vnode", "v_type", type);
  set(vnode, "vnode", "v_id", generation);
  set(vnode, "vnode", "v_mount", mount);
  const std::uint64_t own = make("inode");
  set(own, "inode", "i_number", generation * 3);
  set(vnode, "vnode", "v_data", own);
  if (type == character) {
    const std::uint64_t special = make("specinfo");
    set(special, "specinfo", "si_rdev", 0x0c05);
    set(vnode, "vnode", "v_un.vu_specinfo", special);
  }
  for (const MachineText::Mounted& mounted : description_.machine.mounts)
    if (path == mounted.path) {
      set(vnode, "vnode", "v_flag", 1);  // VROOT
      return vnode;
    }
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  const std::uint64_t above = this->vnode(slash == 0 ? "/" : path.substr(0, slash), directory);
  const std::uint64_t above_generation =
      image_.read(image_.physical_of(above + layout_.offset("vnode", "v_id")), 4);
  if (name.size() > longest_cached) return vnode;
  const auto entry = [&](const std::string& called, std::uint64_t parents_generation) {
    const std::uint64_t at = make("namecache");
    set(at, "namecache", "nc_dvp", above);
    set(at, "namecache", "nc_dvpid", parents_generation);
    set(at, "namecache", "nc_vp", vnode);
    set(at, "namecache", "nc_vpid", generation);
    set(at, "namecache", "nc_nlen", called.size());
    set_text(at, "namecache", "nc_name", called + "x");  // not ended by a NUL
    return at;
  };
  // The first entry is of a directory that has been another since: it counts no more.
  const std::uint64_t stale = entry("old", above_generation - 1),
                      good = entry(name, above_generation);
  set(vnode, "vnode", "v_cache_dst", stale);
  set(stale, "namecache", "nc_me", good);
  return vnode;
}

std::uint64_t OpenBsdObjects::group_of(const ProcessText& process) {
  std::uint64_t& session = sessions_[process.session];
  if (session == 0) {
    session = make("session");
    set(session, "session", "s_leader", process_of(process.session));
  }
  if (!process.terminal.empty()) {
    const std::uint64_t terminal = make("tty");
    set(terminal, "tty", "t_dev", 0x0c05);
    set(session, "session", "s_ttyp", terminal);
    set(session, "session", "s_ttyvp", vnode("/dev/" + process.terminal, character));
  }
  std::uint64_t& group = groups_[process.group];
  if (group == 0) {
    group = make("pgrp");
    set(group, "pgrp", "pg_id", static_cast<std::uint64_t>(process.group));
    set(group, "pgrp", "pg_session", session);
  }
  return group;
}

void OpenBsdObjects::identity(ProcessText& process) {
  const std::uint64_t at = process.address, cred = make("ucred");
  set(at, "process", "ps_ucred", cred);
  set(cred, "ucred", "cr_uid", process.uid);
  set(cred, "ucred", "cr_ruid", process.real_uid);
  set(cred, "ucred", "cr_rgid", process.real_gid);
  set(cred, "ucred", "cr_gid", process.gid);
  set(at, "process", "ps_pptr", process.pid == 0 ? 0 : process_of(process.ppid));
  set(at, "process", "ps_ppid", static_cast<std::uint64_t>(process.ppid));
  set(at, "process", "ps_flags", process.flags);
  set(at, "process", "ps_nice", static_cast<std::uint64_t>(process.nice + 20));  // NZERO
  set(at, "process", "ps_pgrp", group_of(process));
  // A time of day until uptimes were kept.
  const std::uint64_t since = has("process", "ps_ppid") ? 0 : description_.machine.clock.boot;
  set(at, "process", "ps_start.tv_sec", since + process.start_seconds);
  set(at, "process", "ps_start.tv_nsec", process.start_microseconds * 1000);
  set(at, "process", "ps_tu.tu_uticks", process.user_ticks);
  set(at, "process", "ps_tu.tu_sticks", process.system_ticks);
  set(at, "process", "ps_tu.tu_iticks", process.interrupt_ticks);
}

/// What a mapping is of: a file's pages, another object's where it has an offset, nothing.
std::uint64_t OpenBsdObjects::object_of(const MappingText& mapping) {
  const bool of_file = mapping.path.starts_with("/");
  if (!of_file && mapping.offset == 0) return 0;
  const std::uint64_t object = heap_.take(256);
  set(object, "uvm_object", "pgops", of_file ? vnode_pages_ : vnode_pages_ + 64);
  if (of_file) set(object, "uvm_vnode", "u_vnode", vnode(mapping.path, regular));
  return object;
}

void OpenBsdObjects::space(ProcessText& process) {
  if (process.size == 0) return;
  process.space = make("vmspace");
  set(process.address, "process", "ps_vmspace", process.space);
  set(process.space, "vmspace", "vm_map.size", process.size);
  const std::uint64_t pmap = make("pmap");
  set(process.space, "vmspace", "vm_map.pmap", pmap);
  set(pmap, "pmap", "pm_stats.resident_count", process.resident_pages);
  for (MappingText& mapping : process.mappings) {
    const std::uint64_t entry = mapping.address = make("vm_map_entry");
    set(entry, "vm_map_entry", "start", mapping.start);
    set(entry, "vm_map_entry", "end", mapping.end);
    unsigned protection = 0;
    if (mapping.access[0] == 'r') protection += 1;
    if (mapping.access[1] == 'w') protection += 2;
    if (mapping.access[2] == 'x') protection += 4;
    set(entry, "vm_map_entry", "protection", protection);
    set(entry, "vm_map_entry", "inheritance", mapping.access[3] == 's' ? 0 : 1);
    const std::uint64_t object = object_of(mapping);
    set(entry, "vm_map_entry", "object.uvm_obj", object);
    set(entry, "vm_map_entry", "offset", object == 0 ? 0x5000 : mapping.offset);
    set(entry, "vm_map_entry", "etype", object == 0 ? 0x0c : 0x05);  // UVM_ET_*
    if (mapping.path == "[stack]") {
      set(process.space, "vmspace", "vm_maxsaddr", mapping.start);
      set(process.space, "vmspace", "vm_minsaddr", mapping.end);
    }
  }
  const auto subtree = [&](const auto& self, std::size_t low, std::size_t end) -> std::uint64_t {
    if (low == end) return 0;
    const std::size_t middle = low + (end - low) / 2;
    const std::uint64_t at = process.mappings[middle].address;
    set(at, "vm_map_entry", "daddrs.addr_entry.rbt_left", self(self, low, middle));
    set(at, "vm_map_entry", "daddrs.addr_entry.rbt_right", self(self, middle + 1, end));
    return at;
  };
  set(process.space, "vmspace", "vm_map.addr", subtree(subtree, 0, process.mappings.size()));
}

/// struct ps_strings and what it names, in the process's own memory.
void OpenBsdObjects::strings(const ProcessText& process) {
  if (process.strings == 0) return;
  set(process.address, "process", "ps_strings", process.strings);
  std::uint64_t next = process.strings + std::uint64_t{4} * word_;
  const auto list = [&](std::uint64_t at, const std::vector<std::string>& words) {
    std::uint64_t pointers = next;
    next += (words.size() + 1) * word_;
    image_.write_virtual(at, pointers, word_);
    image_.write_virtual(at + word_, words.size(), 4);
    for (const std::string& word : words) {
      image_.write_virtual(pointers, next, word_), pointers += word_;
      image_.write_virtual(next, word), next += word.size() + 1;
    }
  };
  list(process.strings, process.arguments);
  list(process.strings + std::uint64_t{2} * word_, process.environment);
}

std::uint64_t OpenBsdObjects::internet(const DescriptorText& open) {
  const std::uint64_t pcb = make("inpcb");
  if (open.type.starts_with("tcp")) {
    const std::uint64_t tcp = make("tcpcb");
    set(tcp, "tcpcb", "t_state", open.state);
    set(pcb, "inpcb", "inp_ppcb", tcp);
  }
  const bool six = open.type.ends_with('6');
  set(pcb, "inpcb", "inp_flags", six ? 0x100 : 0);  // INP_IPV6
  const auto put = [&](const std::string& text, const std::string& side, const char* port) {
    const std::size_t colon = text.rfind(':');
    const std::string host = text[0] == '[' ? text.substr(1, colon - 2) : text.substr(0, colon);
    const std::string in_it = six                                         ? ".iau_addr6"
                              : has("inpcb", "inp_" + side + ".iau_addr") ? ".iau_addr"
                                                                          : ".iau_a4u.inaddr";
    const std::uint64_t at = pcb + layout_.offset("inpcb", "inp_" + side + in_it);
    const Host found = host_of(host);
    for (std::size_t i = 0; i < found.size; ++i) image_.write_virtual(at + i, found.bytes[i], 1);
    const std::string number = text.substr(colon + 1);
    const unsigned value = number == "*" ? 0U : static_cast<unsigned>(std::stoul(number));
    const std::uint64_t place = pcb + layout_.offset("inpcb", port);
    image_.write_virtual(place, value / 256U, 1);
    image_.write_virtual(place + 1, value % 256U, 1);
  };
  put(open.local, "laddru", "inp_lport");
  put(open.remote, "faddru", "inp_fport");
  return pcb;
}

std::uint64_t OpenBsdObjects::unix_domain(const DescriptorText& open) {
  const auto control = [&](const std::string& path) {
    const std::uint64_t pcb = make("unpcb");
    if (path.empty()) return pcb;
    // A struct sockaddr_un in a buffer: its length, the family, the path.
    const std::uint64_t buffer = make("mbuf"), address = heap_.take(110);
    image_.write_virtual(address, 2 + path.size(), 1);
    image_.write_virtual(address + 1, 1, 1);
    image_.write_virtual(address + 2, path + "x");  // not ended by a NUL
    set(buffer, "mbuf", "m_hdr.mh_data", address);
    set(pcb, "unpcb", "unp_addr", buffer);
    return pcb;
  };
  const std::uint64_t own = control(open.local);
  if (open.state != 0) set(own, "unpcb", "unp_conn", control(open.remote));
  return own;
}

std::uint64_t OpenBsdObjects::socket(DescriptorText& open) {
  const std::uint64_t socket = open.socket_address = make("socket");
  if (!has("socket", "so_type")) return socket;
  const bool is_unix = open.type.starts_with("unix"), six = open.type.ends_with('6');
  const bool stream = open.type.starts_with("tcp") || open.type == "unix-stream";
  set(socket, "socket", "so_type", stream ? 1 : 2);
  set(socket, "socket", "so_options", open.listens ? 2 : 0);
  set(socket, "socket", "so_state", open.state != 0 && !open.listens ? 2 : 0);
  set(socket, "socket", "so_rcv.sb_cc", open.received);
  set(socket, "socket", "so_snd.sb_cc", open.sent);
  std::uint64_t& protocol = protocols_[open.type];
  if (protocol == 0) {
    protocol = make("protosw");
    const std::uint64_t domain = make("domain");
    set(domain, "domain", "dom_family", is_unix ? 1 : six ? 24 : 2);
    set(protocol, "protosw", "pr_domain", domain);
    set(protocol, "protosw", "pr_protocol", is_unix ? 0 : open.type.starts_with("tcp") ? 6 : 17);
  }
  set(socket, "socket", "so_proto", protocol);
  set(socket, "socket", "so_pcb", is_unix ? unix_domain(open) : internet(open));
  return socket;
}

std::uint64_t OpenBsdObjects::file(DescriptorText& open) {
  const std::uint64_t file = open.address = make("file");
  unsigned flags = 0;
  if (open.access.find('r') != std::string::npos) flags += 1;
  if (open.access.find('w') != std::string::npos) flags += 2;
  set(file, "file", "f_flag", flags + open.flags);
  set(file, "file", "f_offset", open.position);
  const auto data = [&](unsigned kind, std::uint64_t what) {
    set(file, "file", "f_type", kind);
    set(file, "file", "f_data", what);
  };
  // DTYPE_*, sys/sys/file.h.
  if (open.type == "file")
    data(1, vnode(open.path, regular));
  else if (open.type == "directory")
    data(1, vnode(open.path, directory));
  else if (open.type == "device")
    data(1, vnode(open.path, character));
  else if (open.type == "fifo")
    data(1, vnode(open.path, fifo));
  else if (open.type == "pipe")
    data(3, heap_.take(64));
  else if (open.type == "kqueue")
    data(4, heap_.take(64));
  else
    data(2, socket(open));
  return file;
}

void OpenBsdObjects::files(ProcessText& process) {
  const std::uint64_t table = make("filedesc");
  set(process.address, "process", "ps_fd", table);
  if (!process.directory.empty())
    set(table, "filedesc", "fd_cdir", vnode(process.directory, directory));
  // None but where it was changed.
  if (!process.root.empty() && process.root != "/")
    set(table, "filedesc", "fd_rdir", vnode(process.root, directory));
  if (!process.executable.empty())
    set(process.address, "process", "ps_textvp", vnode(process.executable, regular));
  std::int64_t room = 20;  // NDFILE
  for (const DescriptorText& open : process.descriptors) room = std::max(room, open.number + 1);
  const std::uint64_t slots = heap_.take(static_cast<std::uint64_t>(room) * word_);
  set(table, "filedesc", "fd_ofiles", slots);
  set(table, "filedesc", "fd_nfiles", static_cast<std::uint64_t>(room));
  for (DescriptorText& open : process.descriptors)
    image_.write_virtual(slots + static_cast<std::uint64_t>(open.number) * word_, file(open),
                         word_);
}

void OpenBsdObjects::process(ProcessText& process) {
  identity(process);
  space(process);
  strings(process);
  files(process);
}

}  // namespace foundry
