#include "tests/foundry/freebsd_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "tests/foundry/endpoint.h"

namespace foundry {
namespace {

constexpr unsigned regular = 1, directory = 2, character = 4, fifo = 7;  // v_type

}  // namespace

FreeBsdObjects::FreeBsdObjects(Description& description, const KernelLayout& layout, Heap& heap)
    : description_(description),
      image_(description.image),
      layout_(layout),
      heap_(heap),
      word_(description.image.pointer()) {}

void FreeBsdObjects::set(std::uint64_t object, std::string_view structure, std::string_view path,
                         std::uint64_t value) {
  const KernelLayout::Member* member = layout_.find(structure, path);
  if (!member) return;
  if (member->kind.starts_with("bits:")) {
    const unsigned long first = std::stoul(member->kind.substr(5));
    image_.write_virtual(object + member->offset, value << first, 4);
    return;
  }
  const bool link = member->kind == "le" || member->kind == "tqe" || member->kind == "tqh";
  image_.write_virtual(object + member->offset, value,
                       link ? word_ : static_cast<unsigned>(member->size));
}

void FreeBsdObjects::set_text(std::uint64_t object, std::string_view structure,
                              std::string_view path, const std::string& text) {
  image_.write_virtual(object + layout_.offset(structure, path), text);
}

std::uint64_t FreeBsdObjects::string(const std::string& text) {
  const std::uint64_t at = heap_.take(text.size() + 1);
  image_.write_virtual(at, text);
  return at;
}

std::uint64_t FreeBsdObjects::process_of(std::int64_t pid) const {
  for (const ProcessText& process : description_.processes)
    if (process.pid == pid) return process.address;
  return 0;
}

std::uint64_t FreeBsdObjects::mount_of(const std::string& path) {
  std::string best = "/", type = "ufs";
  for (const auto& [at, kind] : description_.filesystems)
    if ((path == at || path.starts_with(at + "/")) && at.size() > best.size())
      best = at, type = kind;
  std::uint64_t& mount = mounts_[best];
  if (mount == 0) {
    mount = make("mount");
    set_text(mount, "mount", "mnt_stat.f_mntonname", best);
    set_text(mount, "mount", "mnt_stat.f_fstypename", type);
  }
  return mount;
}

std::uint64_t FreeBsdObjects::device(const std::string& name) {
  std::uint64_t& device = devices_[name];
  if (device == 0) {
    device = make("cdev");
    set_text(device, "cdev", "si_name", name);
  }
  return device;
}

std::uint64_t FreeBsdObjects::terminal(const std::string& name) {
  std::uint64_t& terminal = terminals_[name];
  if (terminal == 0) {
    terminal = make("tty");
    set(terminal, "tty", "t_dev", device(name));
  }
  return terminal;
}

std::uint64_t FreeBsdObjects::vnode(const std::string& path, unsigned type) {
  if (const auto known = vnodes_.find(path); known != vnodes_.end()) return known->second;
  const std::uint64_t vnode = vnodes_[path] = make("vnode");
  set(vnode, "vnode", "v_type", type);
  set(vnode, "vnode", "v_mount", mount_of(path));
  bool root = path == "/";
  for (const auto& [at, kind] : description_.filesystems) root = root || path == at;
  if (root) {
    set(vnode, "vnode", "v_vflag", 1);  // VV_ROOT
    return vnode;
  }
  if (type == character) {
    // devfs has no names in the cache: the device knows its own.
    for (const char* member : {"v_rdev", "v_un.vu_cdev"})  // the latter until FreeBSD 11
      set(vnode, "vnode", member, device(path.substr(5)));
    return vnode;
  }
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  const std::uint64_t above = this->vnode(slash == 0 ? "/" : path.substr(0, slash), directory);
  // Until FreeBSD 11 an entry with times was another structure, which began alike.
  const bool with_times = has("namecache_ts", "nc_name") && name.size() % 2 == 0;
  const std::string entry_type = with_times ? "namecache_ts" : "namecache";
  const std::uint64_t entry = heap_.take(layout_.size(entry_type) + name.size() + 1);
  set(entry, "namecache", "nc_dvp", above);
  set(entry, "namecache", "nc_flag", with_times ? 4 : 0);  // NCF_TS
  set(entry, "namecache", "nc_nlen", name.size());
  set_text(entry, entry_type, "nc_name", name);
  std::uint64_t first = entry;
  if (type == directory) {
    // A directory is also the parent that an entry ".." names: no name of its own.
    const std::uint64_t dots = heap_.take(layout_.size("namecache") + 3);
    set(dots, "namecache", "nc_dvp", entry);
    set(dots, "namecache", "nc_flag", 2);  // NCF_ISDOTDOT
    set(dots, "namecache", "nc_nlen", 2);
    set_text(dots, "namecache", "nc_name", "..");
    set(dots, "namecache", "nc_dst", entry);
    first = dots;
  }
  set(vnode, "vnode", "v_cache_dst", first);
  return vnode;
}

std::uint64_t FreeBsdObjects::group_of(const ProcessText& process) {
  std::uint64_t& session = sessions_[process.session];
  if (session == 0) {
    session = make("session");
    set(session, "session", "s_sid", static_cast<std::uint64_t>(process.session));
  }
  if (!process.terminal.empty()) set(session, "session", "s_ttyp", terminal(process.terminal));
  std::uint64_t& group = groups_[process.group];
  if (group == 0) {
    group = make("pgrp");
    set(group, "pgrp", "pg_id", static_cast<std::uint64_t>(process.group));
    set(group, "pgrp", "pg_session", session);
  }
  return group;
}

void FreeBsdObjects::identity(ProcessText& process) {
  const std::uint64_t at = process.address, cred = make("ucred");
  set(at, "proc", "p_ucred", cred);
  set(cred, "ucred", "cr_uid", process.uid);
  set(cred, "ucred", "cr_ruid", process.real_uid);
  set(cred, "ucred", "cr_rgid", process.real_gid);
  set(cred, "ucred", "cr_gid", process.gid);
  if (has("ucred", "cr_groups")) {
    const std::uint64_t groups = heap_.take(16);
    // The first was the effective one until that had a member of its own.
    image_.write_virtual(groups, has("ucred", "cr_gid") ? process.gid + 1 : process.gid, 4);
    set(cred, "ucred", "cr_groups", groups);
  }
  std::uint64_t& prison = prisons_[process.jail];
  if (prison == 0) {
    prison = make("prison");
    set(prison, "prison", "pr_id", static_cast<std::uint64_t>(process.jail));
  }
  set(cred, "ucred", "cr_prison", prison);
  set(at, "proc", "p_pptr", process_of(process.ppid));
  // PRS_NORMAL, PRS_ZOMBIE; P_CONTROLT with a terminal.
  set(at, "proc", "p_state", process.zombie ? 2 : 1);
  set(at, "proc", "p_flag", process.flags);
  set(at, "proc", "p_nice", static_cast<std::uint64_t>(process.nice));
  set(at, "proc", "p_pgrp", group_of(process));
  const std::uint64_t stats = make("pstats");
  set(at, "proc", "p_stats", stats);
  set(stats, "pstats", "p_start.tv_sec", process.start_seconds);
  set(stats, "pstats", "p_start.tv_usec", process.start_microseconds);
  set(at, "proc", "p_rux.rux_runtime", process.run_ticks);
  set(at, "proc", "p_rux.rux_uticks", process.user_ticks);
  set(at, "proc", "p_rux.rux_sticks", process.system_ticks);
  set(at, "proc", "p_rux.rux_iticks", process.interrupt_ticks);
}

/// Until FreeBSD 13 an object of swap with a flag, since then of tmpfs's own type; the vnode or,
/// later, the node of tmpfs is behind it (sys/fs/tmpfs/tmpfs_subr.c, sys/vm/vm_object.h).
void FreeBsdObjects::of_tmpfs(std::uint64_t object, const MappingText& mapping) {
  constexpr std::uint64_t own_type = 11;
  const std::uint64_t vnode = this->vnode(mapping.path, regular);
  set(vnode, "vnode", "v_bufobj.bo_object", object);
  if (mapping.tmpfs == "flag") {
    set(object, "vm_object", "type", 1);        // OBJT_SWAP
    set(object, "vm_object", "flags", 0x8200);  // OBJ_TMPFS, OBJ_TMPFS_NODE
    set(object, "vm_object", "un_pager.swp.swp_tmpfs", vnode);
    return;
  }
  std::uint64_t behind = vnode;
  if (mapping.tmpfs == "node") {
    behind = make("tmpfs_node");
    set(behind, "tmpfs_node", "tn_vnode", vnode);
  }
  set(object, "vm_object", "type", own_type);
  set(object, "vm_object", "un_pager.swp.swp_priv", behind);
  for (const Symbol& symbol : image_.symbols)
    if (symbol.name == "tmpfs_pager_type") return;
  const std::uint64_t at = heap_.take(4);
  image_.write_virtual(at, own_type, 4);
  image_.symbols.push_back({"tmpfs_pager_type", at, 4, 'D'});
}

void FreeBsdObjects::maps(ProcessText& process) {
  const std::uint64_t header = process.space + layout_.offset("vmspace", "vm_map.header");
  set(process.space, "vmspace", "vm_map.nentries", process.mappings.size());
  for (MappingText& mapping : process.mappings) {
    const std::uint64_t entry = mapping.address = make("vm_map_entry");
    set(entry, "vm_map_entry", "start", mapping.start);
    set(entry, "vm_map_entry", "end", mapping.end);
    unsigned protection = 0;
    if (mapping.access[0] == 'r') protection += 1;
    if (mapping.access[1] == 'w') protection += 2;
    if (mapping.access[2] == 'x') protection += 4;
    const bool shared = mapping.access[3] == 's', stack = mapping.path == "[stack]";
    set(entry, "vm_map_entry", "protection", protection);
    set(entry, "vm_map_entry", "inheritance", shared ? 0 : 1);
    set(entry, "vm_map_entry", "offset", mapping.copied ? 0 : mapping.offset);
    set(entry, "vm_map_entry", "eflags", stack ? 0x1000 : mapping.copied ? 4 : 0);
    if (mapping.path.empty() || stack) continue;
    const std::uint64_t file = make("vm_object");
    if (mapping.tmpfs.empty()) {
      set(file, "vm_object", "type", 2);  // OBJT_VNODE
      set(file, "vm_object", "handle", vnode(mapping.path, regular));
    } else {
      of_tmpfs(file, mapping);
    }
    std::uint64_t object = file;
    if (mapping.copied) {
      object = make("vm_object");
      set(object, "vm_object", "type", 1);  // OBJT_SWAP
      set(object, "vm_object", "backing_object", file);
      set(object, "vm_object", "backing_object_offset", mapping.offset);
    }
    set(entry, "vm_map_entry", "object.vm_object", object);
  }
  const auto address = [&](std::size_t index) {
    return index < process.mappings.size() ? process.mappings[index].address : header;
  };
  const std::size_t count = process.mappings.size();
  if (has("vm_map_entry", "next")) {
    set(header, "vm_map_entry", "next", count == 0 ? header : address(0));
    for (std::size_t i = 0; i < count; ++i) set(address(i), "vm_map_entry", "next", address(i + 1));
    return;
  }
  // A tree with threads (FreeBSD 13): where there is no child, left and right name the neighbours.
  set(header, "vm_map_entry", "start", ~std::uint64_t{0});
  set(header, "vm_map_entry", "right", count == 0 ? header : address(0));
  set(header, "vm_map_entry", "left", count == 0 ? header : address(count - 1));
  const auto subtree = [&](const auto& self, std::size_t low, std::size_t end) -> std::uint64_t {
    const std::size_t middle = low + (end - low) / 2;
    const std::uint64_t before = middle == 0 ? header : address(middle - 1);
    set(address(middle), "vm_map_entry", "left", middle > low ? self(self, low, middle) : before);
    set(address(middle), "vm_map_entry", "right",
        middle + 1 < end ? self(self, middle + 1, end) : address(middle + 1));
    return address(middle);
  };
  if (count != 0) subtree(subtree, 0, count);
}

void FreeBsdObjects::space(ProcessText& process) {
  if (process.size == 0) return;
  process.space = make("vmspace");
  set(process.address, "proc", "p_vmspace", process.space);
  set(process.space, "vmspace", "vm_map.size", process.size);
  set(process.space, "vmspace", "vm_pmap.pm_stats.resident_count", process.resident_pages);
  maps(process);
}

/// struct ps_strings and what it names, in the process's own memory, as the loader leaves them.
void FreeBsdObjects::strings(ProcessText& process) {
  if (!process.arguments.empty() && !process.arguments_in_memory) {
    std::string all;
    for (const std::string& word : process.arguments) all += word + '\0';
    const std::uint64_t args = heap_.take(layout_.offset("pargs", "ar_args") + all.size() + 16);
    set(args, "pargs", "ar_length", all.size());
    image_.write_virtual(args + layout_.offset("pargs", "ar_args"), std::string_view(all));
    set(process.address, "proc", "p_args", args);
  }
  if (process.strings == 0) return;
  const std::uint64_t sysent = make("sysentvec");
  set(process.address, "proc", "p_sysent", sysent);
  const unsigned width = process.of_32_bits ? 4 : word_;
  if (process.of_32_bits) set(sysent, "sysentvec", "sv_flags", 0x100);  // SV_ILP32
  const std::uint64_t record = std::uint64_t{4} * width;
  if (has("vmspace", "vm_stacktop")) {
    set(process.space, "vmspace", "vm_stacktop", process.strings + record);
    set(sysent, "sysentvec", "sv_psstringssz", record);
  } else {
    set(sysent, "sysentvec", "sv_psstrings", process.strings);
  }
  std::uint64_t next = process.strings + record;
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

std::uint64_t FreeBsdObjects::internet(const DescriptorText& open) {
  const bool six = open.local.starts_with("[");
  const std::uint64_t pcb = [&]() -> std::uint64_t {
    if (open.type.starts_with("udp")) return make("inpcb");
    // Until FreeBSD 13 a connection in TIME_WAIT had a struct tcptw in place of its tcpcb.
    const bool is_over = open.gone && has("inpcb", "inp_flags");
    const std::uint64_t tcp = is_over ? heap_.take(64) : make("tcpcb");
    if (!is_over) set(tcp, "tcpcb", "t_state", open.state);
    // Since FreeBSD 14 the inpcb lies within the tcpcb; before, each has a pointer to the other.
    if (!has("inpcb", "inp_ppcb")) return tcp + layout_.offset("tcpcb", "t_inpcb");
    const std::uint64_t apart = make("inpcb");
    set(apart, "inpcb", "inp_ppcb", tcp);
    if (is_over) set(apart, "inpcb", "inp_flags", 0x01000000);  // INP_TIMEWAIT
    return apart;
  }();
  control_blocks_[open.type.starts_with("udp") ? "udbinfo" : "tcbinfo"].push_back(pcb);
  // INP_IPV4 and INP_IPV6: a socket that was bound to all addresses of IPv6 takes IPv4's too
  // (tcp6_usr_bind of sys/netinet/tcp_usrreq.c).
  // INP_IPV6PROTO says as what it was made.
  set(pcb, "inpcb", "inp_vflag",
      (!six                             ? 1U
       : open.local.starts_with("[::]") ? 3U
                                        : 2U) +
          (open.type.ends_with('6') ? 4U : 0U));
  const auto put = [&](const std::string& text, const char* address, const char* port) {
    const Endpoint end = endpoint_of(text, !six);
    const std::uint64_t at = pcb + layout_.offset("inpcb", address);
    for (std::uint64_t i = 0; i < 16; ++i) image_.write_virtual(at + i, end.bytes[i], 1);
    const std::uint64_t number = pcb + layout_.offset("inpcb", port);
    image_.write_virtual(number, end.port / 256U, 1);
    image_.write_virtual(number + 1, end.port % 256U, 1);
  };
  put(open.local, "inp_inc.inc_ie.ie_dependladdr", "inp_inc.inc_ie.ie_lport");
  put(open.remote, "inp_inc.inc_ie.ie_dependfaddr", "inp_inc.inc_ie.ie_fport");
  return pcb;
}

void FreeBsdObjects::unix_domain(const DescriptorText& open, std::uint64_t socket) {
  const auto control = [&](const std::string& path) {
    const std::uint64_t pcb = make("unpcb");
    if (path.empty()) return pcb;
    const std::uint64_t address = make("sockaddr_un");
    set(address, "sockaddr_un", "sun_len", layout_.offset("sockaddr_un", "sun_path") + path.size());
    set_text(address, "sockaddr_un", "sun_path", path);
    set(pcb, "unpcb", "unp_addr", address);
    return pcb;
  };
  const std::uint64_t own = control(open.local);
  set(socket, "socket", "so_pcb", own);
  set(own, "unpcb", "unp_socket", socket);
  control_blocks_[open.type == "unix-stream" ? "unp_shead" : "unp_dhead"].push_back(own);
  if (open.state != 0) set(own, "unpcb", "unp_conn", control(open.remote));
}

void FreeBsdObjects::socket_lists(
    const std::function<std::uint64_t(const std::string& name, std::uint64_t size)>& place_own,
    const std::function<std::uint64_t(const std::string& name, std::uint64_t size)>& place) {
  if (!has("inpcbinfo", "ipi_listhead")) return;
  const auto link = [&](std::uint64_t head, const std::string& list, const char* structure,
                        const char* member) {
    for (const std::uint64_t block : control_blocks_[list]) {
      image_.write_virtual(head, block, word_);
      head = block + layout_.offset(structure, member);
    }
  };
  for (const char* name : {"tcbinfo", "udbinfo", "ripcbinfo"}) {
    const std::uint64_t info = place_own(name, layout_.size("inpcbinfo"));
    std::uint64_t head = info + layout_.offset("inpcbinfo", "ipi_listhead");
    if (layout_.find("inpcbinfo", "ipi_listhead")->kind == "pointer") {
      const std::uint64_t apart = heap_.take(word_);
      image_.write_virtual(head, apart, word_);
      head = apart;
    }
    link(head, name, "inpcb", "inp_list");
  }
  for (const char* name : {"unp_shead", "unp_dhead", "unp_sphead"})
    link(place(name, word_), name, "unpcb", "unp_link");
}

std::uint64_t FreeBsdObjects::socket(DescriptorText& open) {
  if (open.gone) return open.socket_address = internet(open);
  const std::uint64_t socket = open.socket_address = make("socket");
  const bool is_unix = open.type.starts_with("unix"), six = open.type.ends_with('6');
  const bool stream = open.type.starts_with("tcp") || open.type == "unix-stream";
  set(socket, "socket", "so_type", stream ? 1 : 2);
  set(socket, "socket", "so_options", open.listens ? 2 : 0);
  set(socket, "socket", "so_state", open.state != 0 && !open.listens ? 2 : 0);
  if (open.listens) {
    set(socket, "socket", "sol_qlen", open.received);
    set(socket, "socket", "so_qlen", open.received);  // until FreeBSD 11
  } else {
    set(socket, "socket", "so_rcv.sb_ccc", open.received);
    set(socket, "socket", "so_snd.sb_ccc", open.sent);
  }
  std::uint64_t& protocol = protocols_[open.type];
  if (protocol == 0) {
    protocol = make("protosw");
    const std::uint64_t domain = make("domain");
    set(domain, "domain", "dom_family", is_unix ? 1 : six ? 28 : 2);
    set(protocol, "protosw", "pr_domain", domain);
    set(protocol, "protosw", "pr_protocol", is_unix ? 0 : open.type.starts_with("tcp") ? 6 : 17);
  }
  set(socket, "socket", "so_proto", protocol);
  if (is_unix) {
    unix_domain(open, socket);
    return socket;
  }
  const std::uint64_t pcb = internet(open);
  set(socket, "socket", "so_pcb", pcb);
  set(pcb, "inpcb", "inp_socket", socket);
  return socket;
}

std::uint64_t FreeBsdObjects::file(DescriptorText& open) {
  const std::uint64_t file = open.address = make("file");
  unsigned flags = 0;
  if (open.access.find('r') != std::string::npos) flags += 1;
  if (open.access.find('w') != std::string::npos) flags += 2;
  set(file, "file", "f_flag", flags + open.flags);
  set(file, "file", "f_offset", open.position);
  const auto node = [&](unsigned kind, unsigned type) {
    set(file, "file", "f_type", kind);
    set(file, "file", "f_vnode", vnode(open.path, type));
    set(file, "file", "f_data", vnode(open.path, type));
  };
  const auto data = [&](unsigned kind, std::uint64_t what) {
    set(file, "file", "f_type", kind);
    set(file, "file", "f_data", what);
  };
  // DTYPE_*, sys/sys/file.h.
  if (open.type == "file")
    node(1, regular);
  else if (open.type == "directory")
    node(1, directory);
  else if (open.type == "device")
    node(1, character);
  else if (open.type == "fifo")
    node(4, fifo);
  else if (open.type == "pipe")
    data(3, heap_.take(64));
  else if (open.type == "kqueue")
    data(5, heap_.take(64));
  else if (open.type == "shm") {
    const std::uint64_t object = make("shmfd");
    set(object, "shmfd", "shm_path", string(open.path));
    data(8, object);
  } else if (open.type == "sem") {
    const std::uint64_t object = make("ksem");
    set(object, "ksem", "ks_path", string(open.path));
    data(9, object);
  } else if (open.type == "pts") {
    data(10, terminal(open.path.substr(5)));
  } else {
    data(2, socket(open));
  }
  return file;
}

void FreeBsdObjects::files(ProcessText& process) {
  const std::uint64_t at = process.address;
  const auto where = [&](const std::string& path) {
    return path.empty() ? 0 : vnode(path, directory);
  };
  const std::uint64_t table = make("filedesc");
  set(at, "proc", "p_fd", table);
  set(table, "filedesc", "fd_cdir", where(process.directory));
  set(table, "filedesc", "fd_rdir", where(process.root));
  if (has("proc", "p_pd")) {
    const std::uint64_t described = make("pwddesc"), places = make("pwd");
    set(at, "proc", "p_pd", described);
    set(described, "pwddesc", "pd_pwd", places);
    set(places, "pwd", "pwd_cdir", where(process.directory));
    set(places, "pwd", "pwd_rdir", where(process.root));
  }
  if (!process.executable.empty()) {
    set(at, "proc", "p_textvp", vnode(process.executable, regular));
    const std::size_t slash = process.executable.rfind('/');
    set(at, "proc", "p_textdvp",
        vnode(slash == 0 ? "/" : process.executable.substr(0, slash), directory));
    if (has("proc", "p_binname"))
      set(at, "proc", "p_binname", string(process.executable.substr(slash + 1)));
  }
  std::int64_t room = 20;  // NDFILE
  for (const DescriptorText& open : process.descriptors) room = std::max(room, open.number + 1);
  const std::uint64_t stride = layout_.size("filedescent");
  const std::uint64_t first = layout_.offset("fdescenttbl", "fdt_ofiles");
  const std::uint64_t open_files = heap_.take(first + stride * static_cast<std::uint64_t>(room));
  set(table, "filedesc", "fd_files", open_files);
  set(open_files, "fdescenttbl", "fdt_nfiles", static_cast<std::uint64_t>(room));
  for (DescriptorText& open : process.descriptors)
    set(open_files + first + stride * static_cast<std::uint64_t>(open.number), "filedescent",
        "fde_file", file(open));
}

void FreeBsdObjects::process(ProcessText& process) {
  identity(process);
  space(process);
  strings(process);
  if (!process.executable.empty() || !process.descriptors.empty()) files(process);
}

const LockText& FreeBsdObjects::lock_named(const std::string& name) const {
  for (const LockText& lock : description_.locks)
    if (lock.name == name) return lock;
  throw std::runtime_error("there is no lock " + name);
}

void FreeBsdObjects::locks() {
  const auto thread_of = [&](std::int64_t tid) -> std::uint64_t {
    for (const ProcessText& process : description_.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.tid == tid) return thread.address;
    throw std::runtime_error(fmt::format("there is no thread {}", tid));
  };
  for (LockText& lock : description_.locks) {
    // Its place in lock_classes (sys/kern/subr_lock.c), its structure and the word with its owner.
    struct Kind {
      const char *name, *structure, *word;
      unsigned number;
    };
    const Kind kinds[] = {{"spin mutex", "mtx", "mtx_lock", 0},
                          {"mutex", "mtx", "mtx_lock", 1},
                          {"sx", "sx", "sx_lock", 2},
                          {"rw", "rwlock", "rw_lock", 5},
                          {"lockmgr", "lock", "lk_lock", 6}};
    const Kind* kind = std::find_if(std::begin(kinds), std::end(kinds),
                                    [&](const Kind& one) { return lock.kind == one.name; });
    if (kind == std::end(kinds)) throw std::runtime_error("unknown kind of lock " + lock.kind);
    const std::uint64_t whole = heap_.take_aligned(layout_.size(kind->structure), 32);
    lock.address = whole + layout_.offset(kind->structure, "lock_object");
    // What the functions that wait in a loop are given: sx's the lock, the others its word.
    lock.argument = whole + (kind->number == 2 ? 0 : layout_.offset(kind->structure, kind->word));
    set(lock.address, "lock_object", "lo_name", string(lock.name));
    // LO_INITIALIZED; of those that one sleeps on LO_SLEEPABLE, LO_UPGRADABLE.
    const std::uint64_t made = kind->number == 2 || kind->number == 6 ? 0x310000 : 0x10000;
    set(lock.address, "lock_object", "lo_flags", std::uint64_t{kind->number} * 0x1000000 + made);
    // A word of readers: their number above the flags, of which the lowest says so. lockmgr had one
    // flag less until FreeBSD 13.
    const unsigned shift = kind->number == 6 && description_.version < 1300000 ? 16 : 32;
    std::uint64_t word = kind->number < 2 ? 0 : 1;
    if (lock.owner)
      word = thread_of(*lock.owner) + (kind->number == 1 ? 2 : 4);  // and somebody waits
    else if (lock.readers != 0)
      word = lock.readers * shift + 1;
    set(whole, kind->structure, kind->word, word);
  }
}

void FreeBsdObjects::thread(ThreadText& thread) {
  const std::uint64_t at = thread.address;
  set(at, "thread", "td_priority", thread.priority);
  set(at, "thread", "td_pri_class", thread.scheduling_class);
  set(at, "thread", "td_lastcpu", thread.last_cpu);
  set(at, "thread", "td_runtime", thread.run_ticks);
  set(at, "thread", "td_incruntime", thread.new_ticks);
  set(at, "thread", "td_uticks", thread.user_ticks);
  set(at, "thread", "td_sticks", thread.system_ticks);
  set(at, "thread", "td_kstack", thread.stack);
  set(at, "thread", "td_kstack_pages", thread.stack_pages);
  if (thread.channel != 0) set(at, "thread", "td_wchan", thread.channel);
  if (!thread.message.empty()) set(at, "thread", "td_wmesg", string(thread.message));
  // TDS_*, TDI_*, TDF_SINTR of sys/sys/proc.h.
  const auto inhibited = [&](unsigned why, unsigned flags) {
    set(at, "thread", "td_state", 1);
    set(at, "thread", "td_inhibitors", why);
    set(at, "thread", "td_flags", flags);
  };
  if (thread.cpu || thread.state == "running")
    set(at, "thread", "td_state", thread.cpu ? 4 : 3);
  else if (thread.state == "new")
    set(at, "thread", "td_state", 0);
  else if (thread.state == "stopped" || thread.state == "traced")
    inhibited(3, 8);
  else if (thread.state == "locked")
    inhibited(8, 0);
  else if (thread.state == "idle")
    inhibited(16, 0);
  else if (thread.state == "uninterruptible")
    inhibited(2, 0);
  else
    inhibited(2, 8);
  if (!thread.spins.empty())
    image_.write_virtual(thread.sp + word_, lock_named(thread.spins).argument, word_);
  if (thread.lock.empty()) return;
  const LockText& lock = lock_named(thread.lock);
  const std::uint64_t name = image_.read(
      image_.physical_of(lock.address + layout_.offset("lock_object", "lo_name")), word_);
  if (lock.kind == "sx" || lock.kind == "lockmgr") {
    set(at, "thread", "td_wchan", lock.address);
    if (thread.message.empty()) set(at, "thread", "td_wmesg", name);
    return;
  }
  std::uint64_t& turnstile = turnstiles_[lock.name];
  if (turnstile == 0) {
    turnstile = make("turnstile");
    set(turnstile, "turnstile", "ts_lockobj", lock.address);
  }
  set(at, "thread", "td_blocked", turnstile);
  set(at, "thread", "td_lockname", name);
}

}  // namespace foundry
