#include "core/kernel/freebsd/release_layouts.h"

#include <array>

namespace panicroom::freebsd {
namespace {

// Measured with clang's offsetof on the headers of each release, options as in its GENERIC
// (sys/sys, sys/vm, sys/netinet, sys/kern/vfs_cache.c and subr_turnstile.c, sys/<machine>/include).

// FreeBSD 12.1-RELEASE.
constexpr std::array<ReleaseMember, 145> freebsd_12_1_amd64 = {{
    {"proc", "", 0, 1328},
    {"proc", "p_list", 0, 16},
    {"proc", "p_threads", 16, 16},
    {"proc", "p_pid", 188, 4, true},
    {"proc", "p_comm", 996, 20},
    {"proc", "p_state", 184, 4},
    {"proc", "p_flag", 176, 4, true},
    {"proc", "p_ucred", 64, 8},
    {"proc", "p_fd", 72, 8},
    {"proc", "p_pptr", 224, 8},
    {"proc", "p_vmspace", 512, 8},
    {"proc", "p_pgrp", 1072, 8},
    {"proc", "p_textvp", 848, 8},
    {"proc", "p_args", 1024, 8},
    {"proc", "p_nice", 1040, 1, true},
    {"proc", "p_stats", 88, 8},
    {"proc", "p_rux.rux_runtime", 704, 8},
    {"proc", "p_rux.rux_uticks", 712, 8},
    {"proc", "p_rux.rux_sticks", 720, 8},
    {"proc", "p_rux.rux_iticks", 728, 8},
    {"proc", "p_sysent", 1016, 8},
    {"thread", "", 0, 1440},
    {"thread", "td_plist", 16, 16},
    {"thread", "td_tid", 160, 4, true},
    {"thread", "td_name", 684, 20},
    {"thread", "td_oncpu", 1332, 4, true},
    {"thread", "td_lastcpu", 1328, 4, true},
    {"thread", "td_pcb", 1032, 8},
    {"thread", "td_state", 1040, 4},
    {"thread", "td_inhibitors", 256, 4, true},
    {"thread", "td_flags", 252, 4, true},
    {"thread", "td_priority", 914, 1},
    {"thread", "td_pri_class", 915, 1},
    {"thread", "td_wchan", 272, 8},
    {"thread", "td_wmesg", 280, 8},
    {"thread", "td_blocked", 304, 8},
    {"thread", "td_lockname", 312, 8},
    {"thread", "td_kstack", 1152, 8},
    {"thread", "td_kstack_pages", 1160, 4, true},
    {"thread", "td_runtime", 592, 8},
    {"thread", "td_incruntime", 584, 8},
    {"thread", "td_uticks", 612, 4},
    {"thread", "td_sticks", 604, 4},
    {"thread", "td_iticks", 608, 4},
    {"pcb", "", 0, 320},
    {"ucred", "cr_uid", 4, 4},
    {"ucred", "cr_ruid", 8, 4},
    {"ucred", "cr_rgid", 20, 4},
    {"ucred", "cr_groups", 144, 8},
    {"ucred", "cr_prison", 48, 8},
    {"prison", "pr_id", 16, 4, true},
    {"pgrp", "pg_id", 40, 4, true},
    {"pgrp", "pg_session", 24, 8},
    {"session", "s_sid", 40, 4, true},
    {"session", "s_ttyp", 32, 8},
    {"tty", "t_dev", 720, 8},
    {"cdev", "si_name", 224, 64},
    {"pargs", "ar_length", 4, 4},
    {"pargs", "ar_args", 8, 1},
    {"pstats", "p_start.tv_sec", 272, 8, true},
    {"pstats", "p_start.tv_usec", 280, 8, true},
    {"sysentvec", "sv_psstrings", 136, 8},
    {"vmspace", "vm_map.size", 192, 8},
    {"vmspace", "vm_map.header", 0, 120},
    {"vmspace", "vm_map.nentries", 184, 4, true},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 432, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", 360, 8},
    {"vm_map_entry", "", 0, 120},
    {"vm_map_entry", "start", 32, 8},
    {"vm_map_entry", "end", 40, 8},
    {"vm_map_entry", "left", 16, 8},
    {"vm_map_entry", "right", 24, 8},
    {"vm_map_entry", "next", 8, 8},
    {"vm_map_entry", "prev", 0, 8},
    {"vm_map_entry", "object.vm_object", 72, 8},
    {"vm_map_entry", "offset", 80, 8},
    {"vm_map_entry", "eflags", 88, 4},
    {"vm_map_entry", "protection", 92, 1},
    {"vm_object", "type", 133, 1},
    {"vm_object", "handle", 192, 8},
    {"filedesc", "fd_files", 0, 8},
    {"filedesc", "fd_cdir", 8, 8},
    {"filedesc", "fd_rdir", 16, 8},
    {"fdescenttbl", "fdt_nfiles", 0, 4, true},
    {"fdescenttbl", "fdt_ofiles", 8, 0},
    {"filedescent", "", 0, 48},
    {"filedescent", "fde_file", 0, 8},
    {"file", "f_data", 0, 8},
    {"file", "f_vnode", 24, 8},
    {"file", "f_type", 32, 2, true},
    {"file", "f_flag", 36, 4},
    {"file", "f_offset", 64, 8, true},
    {"vnode", "v_type", 472, 4},
    {"vnode", "v_vflag", 456, 4},
    {"vnode", "v_mount", 24, 8},
    {"vnode", "v_rdev", 48, 8},
    {"vnode", "v_cache_dst", 80, 16},
    {"vnode", "v_data", 16, 8},
    {"namecache", "nc_dst", 32, 16},
    {"namecache", "nc_dvp", 48, 8},
    {"namecache", "nc_flag", 64, 1},
    {"namecache", "nc_nlen", 65, 1},
    {"namecache", "nc_name", 66, 0},
    {"mount", "mnt_stat.f_mntonname", 1480, 1024},
    {"mount", "mnt_stat.f_fstypename", 440, 16},
    {"socket", "so_type", 200, 2, true},
    {"socket", "so_options", 204, 4, true},
    {"socket", "so_state", 210, 2, true},
    {"socket", "so_pcb", 216, 8},
    {"socket", "so_proto", 232, 8},
    {"socket", "so_rcv.sb_ccc", 472, 4},
    {"socket", "so_snd.sb_ccc", 712, 4},
    {"socket", "sol_qlen", 376, 4},
    {"protosw", "pr_domain", 8, 8},
    {"protosw", "pr_protocol", 16, 2, true},
    {"domain", "dom_family", 0, 4, true},
    {"inpcb", "inp_vflag", 188, 1},
    {"inpcb", "inp_ppcb", 104, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 220, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 222, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 224, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 240, 16},
    {"tcpcb", "t_state", 28, 4, false, 16, 4},
    {"tcpcb", "t_inpcb", 0, 8},
    {"unpcb", "unp_addr", 48, 8},
    {"unpcb", "unp_conn", 32, 8},
    {"sockaddr_un", "sun_len", 0, 1},
    {"sockaddr_un", "sun_path", 2, 104},
    {"shmfd", "shm_path", 120, 8},
    {"ksem", "ks_path", 120, 8},
    {"lock_object", "lo_name", 0, 8},
    {"lock_object", "lo_flags", 8, 4},
    {"mtx", "mtx_lock", 24, 8},
    {"rwlock", "rw_lock", 24, 8},
    {"sx", "sx_lock", 24, 8},
    {"lock", "lk_lock", 24, 8},
    {"turnstile", "ts_lockobj", 120, 8},
    {"turnstile", "ts_owner", 128, 8},
    {"vm_map_entry", "inheritance", 94, 1},
    {"vm_object", "backing_object", 152, 8},
    {"vm_object", "backing_object_offset", 160, 8},
    {"mtx", "lock_object", 0, 24},
    {"rwlock", "lock_object", 0, 24},
    {"sx", "lock_object", 0, 24},
    {"lock", "lock_object", 0, 24},
}};
constexpr std::array<ReleaseMember, 12> freebsd_12_1_arm64 = {{
    {"proc", "", 0, 1312},
    {"thread", "", 0, 1304},
    {"thread", "td_oncpu", 1284, 4, true},
    {"thread", "td_lastcpu", 1280, 4, true},
    {"pcb", "", 0, 848},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 344, 8, true},
    {"inpcb", "inp_vflag", 196, 1},
    {"inpcb", "inp_ppcb", 112, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 228, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 230, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 232, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 248, 16},
}};

// What 12.1-STABLE of July 2020 (1201517) still agrees with; 12.2 moved members of namecache.
constexpr std::uint64_t first_12_1 = 1201000, last_12_1 = 1201517;

constexpr std::array<ReleaseLayout, 2> layouts = {{
    {"FreeBSD 12.1 amd64", Architecture::x86_64, first_12_1, last_12_1, freebsd_12_1_amd64, {}},
    {"FreeBSD 12.1 arm64", Architecture::aarch64, first_12_1, last_12_1, freebsd_12_1_amd64,
     freebsd_12_1_arm64},
}};

}  // namespace

std::optional<Member> ReleaseLayout::member(std::string_view structure,
                                            std::string_view path) const {
  for (const std::span<const ReleaseMember> these : {differences, members})
    for (const ReleaseMember& one : these) {
      if (one.structure != structure || one.path != path) continue;
      Member member;
      member.offset = one.offset;
      member.size = one.size;
      member.is_signed = one.is_signed;
      member.bit_offset = one.bit_offset;
      member.bit_size = one.bit_size;
      return member;
    }
  return std::nullopt;
}

const ReleaseLayout* release_layout(Architecture architecture, std::uint64_t osreldate) {
  for (const ReleaseLayout& layout : layouts)
    if (layout.architecture == architecture && osreldate >= layout.first &&
        osreldate <= layout.last)
      return &layout;
  return nullptr;
}

}  // namespace panicroom::freebsd
