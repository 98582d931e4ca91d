#include <algorithm>

#include "tests/foundry/dragonfly_objects.h"
#include "tests/foundry/endpoint.h"

namespace foundry {
namespace {

constexpr unsigned regular = 1, directory = 2, character = 4, fifo = 7;  // enum vtype

}  // namespace

void DragonFlyProcesses::fill(ProcessText& process, std::uint64_t boot) {
  identity(process, boot);
  maker_.set_name(process.address, "proc", "p_textnch", process.executable);
  if (!process.executable.empty())
    set(process.address, "proc", "p_textvp", maker_.vnode(process.executable, regular));
  if (!process.zombie) files(process);
  if (process.size != 0) space(process);
  strings(process);
}

std::uint64_t DragonFlyProcesses::group_of(const ProcessText& process) {
  std::uint64_t& group = groups_[process.group];
  if (group != 0) return group;
  group = maker_.make("pgrp");
  set(group, "pgrp", "pg_id", static_cast<std::uint64_t>(process.group));
  std::uint64_t& session = sessions_[process.session];
  if (session == 0) {
    session = maker_.make("session");
    set(session, "session", "s_sid", static_cast<std::uint64_t>(process.session));
    if (!process.terminal.empty()) {
      const std::uint64_t terminal = maker_.make("tty");
      set(terminal, "tty", "t_dev", maker_.device(process.terminal));
      set(session, "session", "s_ttyp", terminal);
    }
  }
  set(group, "pgrp", "pg_session", session);
  return group;
}

void DragonFlyProcesses::identity(ProcessText& process, std::uint64_t boot) {
  const std::uint64_t at = process.address;
  set(at, "proc", "p_flags", process.flags);
  set(at, "proc", "p_nice", static_cast<std::uint64_t>(process.nice));
  set(at, "proc", "p_pgrp", group_of(process));
  set(at, "proc", "p_start.tv_sec", boot + process.start_seconds);
  set(at, "proc", "p_start.tv_usec", process.start_microseconds);
  // Of threads that are gone: a struct timeval each.
  const auto times = [&](const char* path, std::uint64_t microseconds) {
    const std::uint64_t place = maker_.place(at, "proc", path);
    maker_.image().write_virtual(place, microseconds / 1000000, 8);
    maker_.image().write_virtual(place + 8, microseconds % 1000000, 8);
  };
  times("p_ru.ru_utime", process.user_ticks);
  times("p_ru.ru_stime", process.system_ticks);
  const std::uint64_t cred = maker_.make("ucred");
  set(at, "proc", "p_ucred", cred);
  set(cred, "ucred", "cr_uid", process.uid);
  set(cred, "ucred", "cr_ruid", process.real_uid);
  set(cred, "ucred", "cr_rgid", process.real_gid);
  maker_.image().write_virtual(maker_.place(cred, "ucred", "cr_groups"), process.gid, 4);
  if (process.jail == 0) return;
  std::uint64_t& prison = prisons_[process.jail];
  if (prison == 0) {
    prison = maker_.make("prison");
    set(prison, "prison", "pr_id", static_cast<std::uint64_t>(process.jail));
  }
  set(cred, "ucred", "cr_prison", prison);
}

void DragonFlyProcesses::space(ProcessText& process) {
  const std::uint64_t space = process.space = maker_.make("vmspace");
  set(process.address, "proc", "p_vmspace", space);
  set(space, "vmspace", "vm_map.size", process.size);
  set(space, "vmspace", "vm_map.nentries", process.mappings.size());
  set(space, "vmspace", "vm_pmap.pm_stats.resident_count", process.resident_pages);
  std::vector<std::uint64_t> entries;
  for (MappingText& mapping : process.mappings) {
    mapping.address = entry(mapping);
    entries.push_back(mapping.address);
  }
  maker_.tree(maker_.place(space, "vmspace", "vm_map.rb_root.rbh_root"), "vm_map_entry", "rb_entry",
              entries);
}

std::uint64_t DragonFlyProcesses::entry(const MappingText& mapping) {
  const std::uint64_t at = maker_.make("vm_map_entry");
  const bool backed = maker_.has("vm_map_entry", "ba.start");  // since 5.6
  set(at, "vm_map_entry", backed ? "ba.start" : "start", mapping.start);
  set(at, "vm_map_entry", backed ? "ba.end" : "end", mapping.end);
  const auto allows = [&](char right) { return mapping.access.find(right) != std::string::npos; };
  set(at, "vm_map_entry", "protection",
      (allows('r') ? 1U : 0U) + (allows('w') ? 2U : 0U) + (allows('x') ? 4U : 0U));
  set(at, "vm_map_entry", "inheritance", allows('s') ? 0 : 1);
  set(at, "vm_map_entry", "maptype", 1);
  if (mapping.path == "[stack]") set(at, "vm_map_entry", "eflags", 2);
  const bool of_file = mapping.path.starts_with("/");
  const std::uint64_t object = maker_.make("vm_object");
  if (of_file) {
    set(object, "vm_object", "type", 2);
    set(object, "vm_object", "handle", maker_.vnode(mapping.path, regular));
  }
  const std::uint64_t above = mapping.copied ? maker_.make("vm_object") : object;
  if (backed) {
    set(at, "vm_map_entry", "ba.object", above);
    set(at, "vm_map_entry", "ba.offset", mapping.copied ? 0x1111000 : mapping.offset);
    if (mapping.copied) {
      const std::uint64_t backing = maker_.make("vm_map_backing");
      set(backing, "vm_map_backing", "object", object);
      set(backing, "vm_map_backing", "offset", mapping.offset);
      set(at, "vm_map_entry", "ba.backing_ba", backing);
    }
    return at;
  }
  const std::uint64_t first = mapping.copied ? mapping.offset / 2 : mapping.offset;
  set(at, "vm_map_entry", "object", above);
  set(at, "vm_map_entry", "offset", first);
  if (mapping.copied) {
    set(above, "vm_object", "backing_object", object);
    set(above, "vm_object", "backing_object_offset", mapping.offset - first);
  }
  return at;
}

/// struct pargs; struct ps_strings where PS_STRINGS (sys/sys/exec.h) has it.
void DragonFlyProcesses::strings(ProcessText& process) {
  Image& image = maker_.image();
  if (!process.arguments.empty() && !process.arguments_in_memory) {
    std::string all;
    for (const std::string& word : process.arguments) all += word + '\0';
    const std::uint64_t kept =
        maker_.take(maker_.layout().offset("pargs", "ar_args") + all.size() + 8);
    set(kept, "pargs", "ar_length", all.size());
    image.write_virtual(maker_.place(kept, "pargs", "ar_args"), all);
    set(process.address, "proc", "p_args", kept);
  }
  if (process.strings == 0) return;
  std::uint64_t next = process.strings - 0x1000;
  const auto list = [&](std::uint64_t at, const std::vector<std::string>& words) {
    std::uint64_t pointers = next;
    next += (words.size() + 1) * 8;
    image.write_virtual(at, pointers, 8);
    image.write_virtual(at + 8, words.size(), 4);
    for (const std::string& word : words) {
      image.write_virtual(pointers, next, 8), pointers += 8;
      image.write_virtual(next, word), next += word.size() + 1;
    }
  };
  list(process.strings, process.arguments);
  list(process.strings + 16, process.environment);
}

void DragonFlyProcesses::files(ProcessText& process) {
  const std::uint64_t table = maker_.make("filedesc");
  set(process.address, "proc", "p_fd", table);
  maker_.set_name(table, "filedesc", "fd_ncdir", process.directory);
  maker_.set_name(table, "filedesc", "fd_nrdir", process.root);
  std::int64_t room = 15;
  for (const DescriptorText& open : process.descriptors) room = std::max(room, open.number + 3);
  const std::uint64_t size = maker_.layout().size("fdnode");
  const std::uint64_t nodes = maker_.take(size * static_cast<std::uint64_t>(room));
  set(table, "filedesc", "fd_files", nodes);
  set(table, "filedesc", "fd_nfiles", static_cast<std::uint64_t>(room));
  for (DescriptorText& open : process.descriptors)
    set(nodes + size * static_cast<std::uint64_t>(open.number), "fdnode", "fp", file(open));
}

std::uint64_t DragonFlyProcesses::file(DescriptorText& open) {
  const std::uint64_t file = open.address = maker_.make("file");
  unsigned flags = 0;
  if (open.access.find('r') != std::string::npos) flags += 1;
  if (open.access.find('w') != std::string::npos) flags += 2;
  set(file, "file", "f_flag", flags + open.flags);
  set(file, "file", "f_offset", open.position);
  const auto of_vnode = [&](unsigned kind, unsigned type) {
    set(file, "file", "f_type", kind);
    set(file, "file", "f_data", maker_.vnode(open.path, type));
    maker_.set_name(file, "file", "f_nchandle", open.path);
  };
  if (open.type == "file")
    of_vnode(1, regular);
  else if (open.type == "directory")
    of_vnode(1, directory);
  else if (open.type == "device")
    of_vnode(1, character);
  else if (open.type == "fifo")
    of_vnode(4, fifo);
  else if (open.type == "pipe")
    set(file, "file", "f_type", 3);
  else if (open.type == "kqueue")
    set(file, "file", "f_type", 5);
  else {
    set(file, "file", "f_type", 2);
    set(file, "file", "f_data", socket(open));
  }
  return file;
}

std::uint64_t DragonFlyProcesses::internet(const DescriptorText& open) {
  const bool six = open.local.starts_with("[");
  const std::uint64_t pcb = maker_.make("inpcb");
  set(pcb, "inpcb", "inp_af", six ? 28 : 2);
  if (open.type.starts_with("tcp")) {
    const std::uint64_t tcp = maker_.make("tcpcb");
    set(tcp, "tcpcb", "t_state", open.state);
    set(pcb, "inpcb", "inp_ppcb", tcp);
  }
  Image& image = maker_.image();
  const auto put = [&](const std::string& text, const char* address, const char* port) {
    const Endpoint end = endpoint_of(text, !six);
    const std::uint64_t at = maker_.place(pcb, "inpcb", address);
    for (std::uint64_t i = 0; i < 16; ++i) image.write_virtual(at + i, end.bytes[i], 1);
    const std::uint64_t number = maker_.place(pcb, "inpcb", port);
    image.write_virtual(number, end.port / 256U, 1);
    image.write_virtual(number + 1, end.port % 256U, 1);
  };
  put(open.local, "inp_inc.inc_ie.ie_dependladdr", "inp_inc.inc_ie.ie_lport");
  put(open.remote, "inp_inc.inc_ie.ie_dependfaddr", "inp_inc.inc_ie.ie_fport");
  return pcb;
}

std::uint64_t DragonFlyProcesses::unix_domain(const std::string& path) {
  const std::uint64_t pcb = maker_.make("unpcb");
  if (path.empty()) return pcb;
  const std::uint64_t address = maker_.make("sockaddr_un");
  set(address, "sockaddr_un", "sun_len",
      maker_.layout().offset("sockaddr_un", "sun_path") + path.size());
  maker_.set_text(address, "sockaddr_un", "sun_path", path);
  set(pcb, "unpcb", "unp_addr", address);
  return pcb;
}

std::uint64_t DragonFlyProcesses::socket(DescriptorText& open) {
  const std::uint64_t socket = open.socket_address = maker_.make("socket");
  const bool is_unix = open.type.starts_with("unix"), six = open.type.ends_with('6');
  const bool stream = open.type.starts_with("tcp") || open.type == "unix-stream";
  set(socket, "socket", "so_type", stream ? 1 : 2);
  set(socket, "socket", "so_options", open.listens ? 2 : 0);
  set(socket, "socket", "so_state", open.state != 0 && !open.listens ? 2 : 0);
  if (open.listens) {
    set(socket, "socket", "so_qlen", open.received);
  } else {
    set(socket, "socket", "so_rcv.sb.sb_cc", open.received);
    set(socket, "socket", "so_snd.sb.sb_cc", open.sent);
  }
  std::uint64_t& protocol = protocols_[open.type];
  if (protocol == 0) {
    protocol = maker_.make("protosw");
    const std::uint64_t domain = maker_.make("domain");
    set(domain, "domain", "dom_family", is_unix ? 1 : six ? 28 : 2);
    set(protocol, "protosw", "pr_domain", domain);
    set(protocol, "protosw", "pr_protocol", is_unix ? 0 : open.type.starts_with("tcp") ? 6 : 17);
  }
  set(socket, "socket", "so_proto", protocol);
  const std::uint64_t pcb = is_unix ? unix_domain(open.local) : internet(open);
  if (is_unix && open.state != 0) set(pcb, "unpcb", "unp_conn", unix_domain(open.remote));
  set(socket, "socket", "so_pcb", pcb);
  return socket;
}

}  // namespace foundry
