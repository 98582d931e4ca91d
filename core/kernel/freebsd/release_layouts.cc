#include "core/kernel/freebsd/release_layouts.h"

#include <algorithm>
#include <array>

namespace panicroom::freebsd {
namespace {

// Measured with clang's offsetof on the headers of each release, options as in its GENERIC
// (sys/sys, sys/vm, sys/netinet, sys/kern/vfs_cache.c and subr_turnstile.c, sys/<machine>/include).

// FreeBSD 12.1-RELEASE, and 12.1-STABLE until July 2020 (1201517).
constexpr ReleaseMember of_12_1_amd64[] = {
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
    {"proc", "p_oppid", 504, 4, true},
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
    {"vm_map_entry", "inheritance", 94, 1, true},
    {"vm_object", "type", 133, 1},
    {"vm_object", "handle", 192, 8},
    {"vm_object", "backing_object", 152, 8},
    {"vm_object", "backing_object_offset", 160, 8},
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
    {"inpcb", "inp_flags", 92, 4, true},
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
    {"mtx", "lock_object", 0, 24},
    {"rwlock", "rw_lock", 24, 8},
    {"rwlock", "lock_object", 0, 24},
    {"sx", "sx_lock", 24, 8},
    {"sx", "lock_object", 0, 24},
    {"lock", "lk_lock", 24, 8},
    {"lock", "lock_object", 0, 24},
    {"turnstile", "ts_lockobj", 120, 8},
    {"turnstile", "ts_owner", 128, 8},
};
constexpr ReleaseLayout freebsd_12_1_amd64 = {
    "FreeBSD 12.1 amd64", Architecture::x86_64, 1201000, 1201517, of_12_1_amd64, nullptr};

constexpr ReleaseMember of_12_1_arm64[] = {
    {"proc", "", 0, 1312},
    {"thread", "", 0, 1304},
    {"thread", "td_oncpu", 1284, 4, true},
    {"thread", "td_lastcpu", 1280, 4, true},
    {"pcb", "", 0, 848},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 344, 8, true},
    {"inpcb", "inp_vflag", 196, 1},
    {"inpcb", "inp_flags", 100, 4, true},
    {"inpcb", "inp_ppcb", 112, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 228, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 230, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 232, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 248, 16},
    {"vmspace", "vm_pmap.pm_cr3", absent},
};
constexpr ReleaseLayout freebsd_12_1_arm64 = {
    "FreeBSD 12.1 arm64", Architecture::aarch64, 1201000, 1201517,
    of_12_1_arm64,        &freebsd_12_1_amd64};

// FreeBSD 12.2-RELEASE, from a copy of releng/12.2 of someone who changes pf; 12.3 moved nothing of
// these.
constexpr ReleaseMember of_12_2_amd64[] = {
    {"thread", "", 0, 1792},
    {"namecache", "nc_dst", 16, 16},
};
constexpr ReleaseLayout freebsd_12_2_amd64 = {
    "FreeBSD 12.2 amd64", Architecture::x86_64, 1202000, 1202499,
    of_12_2_amd64,        &freebsd_12_1_amd64};

constexpr ReleaseMember of_12_2_arm64[] = {
    {"namecache", "nc_dst", 16, 16},
};
constexpr ReleaseLayout freebsd_12_2_arm64 = {
    "FreeBSD 12.2 arm64", Architecture::aarch64, 1202000, 1202499,
    of_12_2_arm64,        &freebsd_12_1_arm64};

constexpr ReleaseLayout freebsd_12_3_amd64 = {
    "FreeBSD 12.3 amd64", Architecture::x86_64, 1203000, 1203499, {}, &freebsd_12_2_amd64};

constexpr ReleaseLayout freebsd_12_3_arm64 = {
    "FreeBSD 12.3 arm64", Architecture::aarch64, 1203000, 1203499, {}, &freebsd_12_2_arm64};

// FreeBSD 13.1-RELEASE. On amd64 the offsets that kern_thread.c asserts hold, and those that the
// kernel exports are those of the published dumps of a FreeBSD 13 kernel (LLDB's test data).
constexpr ReleaseMember of_13_1_amd64[] = {
    {"proc", "", 0, 1352},
    {"proc", "p_list", 0, 16},
    {"proc", "p_threads", 16, 16},
    {"proc", "p_pid", 196, 4, true},
    {"proc", "p_comm", 984, 20},
    {"proc", "p_state", 192, 4},
    {"proc", "p_flag", 184, 4, true},
    {"proc", "p_ucred", 64, 8},
    {"proc", "p_fd", 72, 8},
    {"proc", "p_pd", 88, 8},
    {"proc", "p_pptr", 232, 8},
    {"proc", "p_vmspace", 520, 8},
    {"proc", "p_pgrp", 1064, 8},
    {"proc", "p_textvp", 856, 8},
    {"proc", "p_textdvp", 1336, 8},
    {"proc", "p_binname", 1344, 8},
    {"proc", "p_args", 1016, 8},
    {"proc", "p_nice", 1032, 1, true},
    {"proc", "p_stats", 96, 8},
    {"proc", "p_rux.rux_runtime", 712, 8},
    {"proc", "p_rux.rux_uticks", 720, 8},
    {"proc", "p_rux.rux_sticks", 728, 8},
    {"proc", "p_rux.rux_iticks", 736, 8},
    {"proc", "p_sysent", 1008, 8},
    {"thread", "", 0, 1760},
    {"thread", "td_plist", 16, 16},
    {"thread", "td_tid", 160, 4, true},
    {"thread", "td_name", 700, 20},
    {"thread", "td_oncpu", 1724, 4, true},
    {"thread", "td_lastcpu", 1720, 4, true},
    {"thread", "td_pcb", 1080, 8},
    {"thread", "td_state", 1088, 4},
    {"thread", "td_inhibitors", 256, 4, true},
    {"thread", "td_flags", 252, 4, true},
    {"thread", "td_priority", 950, 1},
    {"thread", "td_pri_class", 951, 1},
    {"thread", "td_wchan", 280, 8},
    {"thread", "td_wmesg", 288, 8},
    {"thread", "td_blocked", 312, 8},
    {"thread", "td_lockname", 320, 8},
    {"thread", "td_kstack", 1192, 8},
    {"thread", "td_kstack_pages", 1200, 4, true},
    {"thread", "td_runtime", 608, 8},
    {"thread", "td_incruntime", 600, 8},
    {"thread", "td_uticks", 628, 4},
    {"thread", "td_sticks", 620, 4},
    {"thread", "td_iticks", 624, 4},
    {"pcb", "", 0, 320},
    {"ucred", "cr_uid", 88, 4},
    {"ucred", "cr_ruid", 92, 4},
    {"ucred", "cr_rgid", 104, 4},
    {"ucred", "cr_groups", 176, 8},
    {"ucred", "cr_prison", 128, 8},
    {"prison", "pr_id", 16, 4, true},
    {"pgrp", "pg_id", 40, 4, true},
    {"pgrp", "pg_session", 24, 8},
    {"session", "s_sid", 40, 4, true},
    {"session", "s_ttyp", 32, 8},
    {"tty", "t_dev", 704, 8},
    {"cdev", "si_name", 224, 256},
    {"pargs", "ar_length", 4, 4},
    {"pargs", "ar_args", 8, 1},
    {"pstats", "p_start.tv_sec", 272, 8, true},
    {"pstats", "p_start.tv_usec", 280, 8, true},
    {"sysentvec", "sv_psstrings", 128, 8},
    {"sysentvec", "sv_psstringssz", 136, 8},
    {"vmspace", "vm_map.size", 168, 8},
    {"vmspace", "vm_map.header", 0, 96},
    {"vmspace", "vm_map.nentries", 160, 4, true},
    {"vmspace", "vm_stacktop", 280, 8},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 416, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", 344, 8},
    {"vm_map_entry", "", 0, 96},
    {"vm_map_entry", "start", 16, 8},
    {"vm_map_entry", "end", 24, 8},
    {"vm_map_entry", "left", 0, 8},
    {"vm_map_entry", "right", 8, 8},
    {"vm_map_entry", "object.vm_object", 48, 8},
    {"vm_map_entry", "offset", 56, 8},
    {"vm_map_entry", "eflags", 64, 4},
    {"vm_map_entry", "protection", 68, 1},
    {"vm_map_entry", "inheritance", 70, 1, true},
    {"vm_object", "type", 137, 1},
    {"vm_object", "handle", 200, 8},
    {"vm_object", "backing_object", 160, 8},
    {"vm_object", "backing_object_offset", 168, 8},
    {"filedesc", "fd_files", 0, 8},
    {"pwddesc", "pd_pwd", 32, 8},
    {"pwd", "pwd_cdir", 8, 8},
    {"pwd", "pwd_rdir", 16, 8},
    {"fdescenttbl", "fdt_nfiles", 0, 4, true},
    {"fdescenttbl", "fdt_ofiles", 8, 0},
    {"filedescent", "", 0, 48},
    {"filedescent", "fde_file", 0, 8},
    {"file", "f_data", 8, 8},
    {"file", "f_vnode", 24, 8},
    {"file", "f_type", 40, 2, true},
    {"file", "f_flag", 0, 4},
    {"file", "f_offset", 72, 8, true},
    {"vnode", "v_type", 0, 1},
    {"vnode", "v_vflag", 462, 2},
    {"vnode", "v_mount", 32, 8},
    {"vnode", "v_rdev", 56, 8},
    {"vnode", "v_cache_dst", 88, 16},
    {"vnode", "v_data", 24, 8},
    {"namecache", "nc_dst", 16, 16},
    {"namecache", "nc_dvp", 40, 8},
    {"namecache", "nc_flag", 56, 1},
    {"namecache", "nc_nlen", 57, 1},
    {"namecache", "nc_name", 58, 0},
    {"mount", "mnt_stat.f_mntonname", 1504, 1024},
    {"mount", "mnt_stat.f_fstypename", 464, 16},
    {"socket", "so_type", 184, 2, true},
    {"socket", "so_options", 188, 4, true},
    {"socket", "so_state", 194, 2, true},
    {"socket", "so_pcb", 200, 8},
    {"socket", "so_proto", 216, 8},
    {"socket", "so_rcv.sb_ccc", 456, 4},
    {"socket", "so_snd.sb_ccc", 736, 4},
    {"socket", "sol_qlen", 360, 4},
    {"protosw", "pr_domain", 8, 8},
    {"protosw", "pr_protocol", 16, 2, true},
    {"domain", "dom_family", 0, 4, true},
    {"inpcb", "inp_vflag", 196, 1},
    {"inpcb", "inp_ppcb", 112, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 228, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 230, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 232, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 248, 16},
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
    {"mtx", "lock_object", 0, 24},
    {"rwlock", "rw_lock", 24, 8},
    {"rwlock", "lock_object", 0, 24},
    {"sx", "sx_lock", 24, 8},
    {"sx", "lock_object", 0, 24},
    {"lock", "lk_lock", 24, 8},
    {"lock", "lock_object", 0, 24},
    {"turnstile", "ts_lockobj", 120, 8},
    {"turnstile", "ts_owner", 128, 8},
};
constexpr ReleaseLayout freebsd_13_1_amd64 = {
    "FreeBSD 13.1 amd64", Architecture::x86_64, 1301000, 1301499, of_13_1_amd64, nullptr};

constexpr ReleaseMember of_13_1_arm64[] = {
    {"proc", "", 0, 1328},
    {"proc", "p_textdvp", 1312, 8},
    {"proc", "p_binname", 1320, 8},
    {"thread", "", 0, 1360},
    {"thread", "td_oncpu", 1324, 4, true},
    {"thread", "td_lastcpu", 1320, 4, true},
    {"pcb", "", 0, 1376},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 328, 8, true},
    {"mount", "mnt_stat.f_mntonname", 1568, 1024},
    {"mount", "mnt_stat.f_fstypename", 528, 16},
    {"vmspace", "vm_pmap.pm_cr3", absent},
};
constexpr ReleaseLayout freebsd_13_1_arm64 = {
    "FreeBSD 13.1 arm64", Architecture::aarch64, 1301000, 1301499,
    of_13_1_arm64,        &freebsd_13_1_amd64};

// FreeBSD 13.0-RELEASE (1300139), from the copy of releng/13.0 that F-Stack ports to user space. It
// changes struct callout without a mark; here it is as in 12.2 and stable/14, and what
// kern_thread.c asserts on amd64 holds. What else in its headers is in none of 13.0-CURRENT, 12.2
// and stable/14 moves no member by F-Stack's hand, as far as reading those lines shows.
constexpr ReleaseMember of_13_0_amd64[] = {
    {"proc", "", 0, 1320},
    {"proc", "p_textdvp", absent},
    {"proc", "p_binname", absent},
    {"thread", "", 0, 1744},
    {"sysentvec", "sv_psstringssz", absent},
    {"vmspace", "vm_stacktop", absent},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 408, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", 336, 8},
    {"vnode", "v_vflag", 470, 2},
    {"inpcb", "inp_vflag", 188, 1},
    {"inpcb", "inp_ppcb", 104, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 220, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 222, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 224, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 240, 16},
    {"proc", "p_oppid", 512, 4, true},
    {"inpcb", "inp_flags", 92, 4, true},
};
constexpr ReleaseLayout freebsd_13_0_amd64 = {
    "FreeBSD 13.0 amd64", Architecture::x86_64, 1300139, 1300139,
    of_13_0_amd64,        &freebsd_13_1_amd64};

constexpr ReleaseMember of_13_0_arm64[] = {
    {"proc", "", 0, 1296},
    {"proc", "p_textdvp", absent},
    {"proc", "p_binname", absent},
    {"thread", "", 0, 1336},
    {"thread", "td_oncpu", 1316, 4, true},
    {"thread", "td_lastcpu", 1312, 4, true},
    {"sysentvec", "sv_psstringssz", absent},
    {"vmspace", "vm_stacktop", absent},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 320, 8, true},
    {"vnode", "v_vflag", 470, 2},
    {"proc", "p_oppid", 512, 4, true},
    {"inpcb", "inp_flags", 100, 4, true},
};
constexpr ReleaseLayout freebsd_13_0_arm64 = {
    "FreeBSD 13.0 arm64", Architecture::aarch64, 1300139, 1300139,
    of_13_0_arm64,        &freebsd_13_1_arm64};

// FreeBSD 14.2-RELEASE, from the headers that it installs (the Zig compiler 0.15 brings a copy).
// The structures that files of sys/kern define are those of stable/14 (1400507); all but struct tdq
// and struct timehands are the same in 15.0.
constexpr ReleaseMember of_14_2_amd64[] = {
    {"proc", "", 0, 1376},
    {"proc", "p_comm", 992, 20},
    {"proc", "p_pgrp", 1088, 8},
    {"proc", "p_textvp", 848, 8},
    {"proc", "p_textdvp", 856, 8},
    {"proc", "p_binname", 864, 8},
    {"proc", "p_args", 1024, 8},
    {"proc", "p_nice", 1040, 1, true},
    {"proc", "p_sysent", 1016, 8},
    {"thread", "", 0, 1776},
    {"thread", "td_name", 724, 20},
    {"thread", "td_oncpu", 1740, 4, true},
    {"thread", "td_lastcpu", 1736, 4, true},
    {"thread", "td_pcb", 1104, 8},
    {"thread", "td_state", 1112, 4},
    {"thread", "td_inhibitors", 272, 4, true},
    {"thread", "td_flags", 264, 4, true},
    {"thread", "td_priority", 978, 1},
    {"thread", "td_pri_class", 979, 1},
    {"thread", "td_wchan", 296, 8},
    {"thread", "td_wmesg", 304, 8},
    {"thread", "td_blocked", 336, 8},
    {"thread", "td_lockname", 344, 8},
    {"thread", "td_kstack", 1216, 8},
    {"thread", "td_kstack_pages", 1224, 4, true},
    {"thread", "td_runtime", 632, 8},
    {"thread", "td_incruntime", 624, 8},
    {"thread", "td_uticks", 652, 4},
    {"thread", "td_sticks", 644, 4},
    {"thread", "td_iticks", 648, 4},
    {"ucred", "cr_uid", 96, 4},
    {"ucred", "cr_ruid", 100, 4},
    {"ucred", "cr_rgid", 112, 4},
    {"ucred", "cr_prison", 136, 8},
    {"sysentvec", "sv_psstrings", 136, 8},
    {"sysentvec", "sv_psstringssz", 144, 8},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 520, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", 352, 8},
    {"vnode", "v_vflag", 434, 2},
    {"mount", "mnt_stat.f_mntonname", 1496, 1024},
    {"mount", "mnt_stat.f_fstypename", 456, 16},
    {"socket", "so_type", 188, 2, true},
    {"socket", "so_options", 184, 4, true},
    {"socket", "so_state", 190, 2, true},
    {"socket", "so_pcb", 192, 8},
    {"socket", "so_proto", 208, 8},
    {"socket", "so_rcv.sb_ccc", 528, 4},
    {"socket", "sol_qlen", 544, 4},
    {"protosw", "pr_protocol", 2, 2, true},
    {"domain", "dom_family", 8, 4, true},
    {"inpcb", "inp_vflag", 116, 1},
    {"inpcb", "inp_ppcb", 80, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 144, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 146, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 148, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 164, 16},
    {"tcpcb", "t_state", 612, 4, false, 16, 4},
    {"tcpcb", "t_inpcb", 0, 392},
    {"shmfd", "shm_path", 128, 8},
    {"proc", "p_oppid", 512, 4, true},
};
constexpr ReleaseLayout freebsd_14_2_amd64 = {
    "FreeBSD 14.2 amd64", Architecture::x86_64, 1402000, 1402499,
    of_14_2_amd64,        &freebsd_13_1_amd64};

constexpr ReleaseMember of_14_2_arm64[] = {
    {"proc", "", 0, 1352},
    {"thread", "", 0, 1512},
    {"thread", "td_oncpu", 1476, 4, true},
    {"thread", "td_lastcpu", 1472, 4, true},
    {"pcb", "", 0, 1248},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 336, 8, true},
    {"mount", "mnt_stat.f_mntonname", 1560, 1024},
    {"mount", "mnt_stat.f_fstypename", 520, 16},
    {"socket", "so_rcv.sb_ccc", 592, 4},
    {"socket", "so_snd.sb_ccc", 800, 4},
    {"socket", "sol_qlen", 608, 4},
    {"vmspace", "vm_pmap.pm_cr3", absent},
};
constexpr ReleaseLayout freebsd_14_2_arm64 = {
    "FreeBSD 14.2 arm64", Architecture::aarch64, 1402000, 1402499,
    of_14_2_arm64,        &freebsd_14_2_amd64};

// FreeBSD 15.0-RELEASE, from the copies of releng/15.0 (1500068) that two projects began from. They
// are the same in all that is measured but for a member that one put at the end of struct thread,
// which is left out. What kern_thread.c asserts of offsets holds on amd64, of this release as
// of 14.2.
constexpr ReleaseMember of_15_0_amd64[] = {
    {"proc", "", 0, 1368},
    {"thread", "", 0, 1824},
    {"thread", "td_name", 732, 20},
    {"thread", "td_oncpu", 1788, 4, true},
    {"thread", "td_lastcpu", 1784, 4, true},
    {"thread", "td_pcb", 1152, 8},
    {"thread", "td_state", 1160, 4},
    {"thread", "td_priority", 1018, 1},
    {"thread", "td_pri_class", 1019, 1},
    {"thread", "td_blocked", 344, 8},
    {"thread", "td_lockname", 352, 8},
    {"thread", "td_kstack", 1264, 8},
    {"thread", "td_kstack_pages", 1272, 2},
    {"thread", "td_runtime", 640, 8},
    {"thread", "td_incruntime", 632, 8},
    {"thread", "td_uticks", 660, 4},
    {"thread", "td_sticks", 652, 4},
    {"thread", "td_iticks", 656, 4},
    {"ucred", "cr_uid", 100, 4},
    {"ucred", "cr_ruid", 104, 4},
    {"ucred", "cr_rgid", 116, 4},
    {"ucred", "cr_groups", 184, 8},
    {"ucred", "cr_prison", 144, 8},
    {"vmspace", "vm_map.size", 136, 8},
    {"vmspace", "vm_map.nentries", 128, 4, true},
    {"vmspace", "vm_stacktop", 248, 8},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 488, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", 320, 8},
    {"vm_object", "type", 121, 1},
    {"vm_object", "handle", 184, 8},
    {"vm_object", "backing_object", 144, 8},
    {"vm_object", "backing_object_offset", 152, 8},
    {"vnode", "v_vflag", 426, 2},
    {"inpcb", "inp_vflag", 108, 1},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 136, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 138, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 140, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 156, 16},
    {"tcpcb", "t_state", 596, 4, false, 16, 4},
    {"tcpcb", "t_inpcb", 0, 376},
    {"ucred", "cr_gid", 112, 4},
    {"inpcb", "inp_ppcb", absent},
};
constexpr ReleaseLayout freebsd_15_0_amd64 = {
    "FreeBSD 15.0 amd64", Architecture::x86_64, 1500068, 1500499,
    of_15_0_amd64,        &freebsd_14_2_amd64};

constexpr ReleaseMember of_15_0_arm64[] = {
    {"proc", "", 0, 1360},
    {"thread", "", 0, 1560},
    {"thread", "td_oncpu", 1524, 4, true},
    {"thread", "td_lastcpu", 1520, 4, true},
    {"pcb", "", 0, 1248},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 304, 8, true},
    {"mount", "mnt_stat.f_mntonname", 1560, 1024},
    {"mount", "mnt_stat.f_fstypename", 520, 16},
    {"socket", "so_rcv.sb_ccc", 592, 4},
    {"socket", "so_snd.sb_ccc", 800, 4},
    {"socket", "sol_qlen", 608, 4},
    {"vmspace", "vm_pmap.pm_cr3", absent},
};
constexpr ReleaseLayout freebsd_15_0_arm64 = {
    "FreeBSD 15.0 arm64", Architecture::aarch64, 1500068, 1500499,
    of_15_0_arm64,        &freebsd_15_0_amd64};

// FreeBSD 11.0-RELEASE (1100122), from the tree that F-Stack began with.
constexpr ReleaseMember of_11_0_amd64[] = {
    {"proc", "", 0, 1320},
    {"proc", "p_comm", 976, 20},
    {"proc", "p_vmspace", 496, 8},
    {"proc", "p_pgrp", 1048, 8},
    {"proc", "p_textvp", 832, 8},
    {"proc", "p_args", 1008, 8},
    {"proc", "p_nice", 1024, 1, true},
    {"proc", "p_rux.rux_runtime", 688, 8},
    {"proc", "p_rux.rux_uticks", 696, 8},
    {"proc", "p_rux.rux_sticks", 704, 8},
    {"proc", "p_rux.rux_iticks", 712, 8},
    {"proc", "p_sysent", 1000, 8},
    {"thread", "", 0, 1224},
    {"thread", "td_tid", 156, 4, true},
    {"thread", "td_name", 660, 20},
    {"thread", "td_oncpu", 1220, 4, true},
    {"thread", "td_lastcpu", 1216, 4, true},
    {"thread", "td_pcb", 936, 8},
    {"thread", "td_state", 944, 4},
    {"thread", "td_inhibitors", 232, 4, true},
    {"thread", "td_flags", 228, 4, true},
    {"thread", "td_priority", 898, 1},
    {"thread", "td_pri_class", 899, 1},
    {"thread", "td_wchan", 248, 8},
    {"thread", "td_wmesg", 256, 8},
    {"thread", "td_blocked", 280, 8},
    {"thread", "td_lockname", 288, 8},
    {"thread", "td_kstack", 1056, 8},
    {"thread", "td_kstack_pages", 1064, 4, true},
    {"thread", "td_runtime", 568, 8},
    {"thread", "td_incruntime", 560, 8},
    {"thread", "td_uticks", 588, 4},
    {"thread", "td_sticks", 580, 4},
    {"thread", "td_iticks", 584, 4},
    {"tty", "t_dev", 712, 8},
    {"sysentvec", "sv_psstrings", 128, 8},
    {"vmspace", "vm_map.size", 200, 8},
    {"vmspace", "vm_map.header", 0, 128},
    {"vmspace", "vm_map.nentries", 192, 4, true},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 416, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", 352, 8},
    {"vm_map_entry", "", 0, 128},
    {"vm_map_entry", "object.vm_object", 80, 8},
    {"vm_map_entry", "offset", 88, 8, true},
    {"vm_map_entry", "eflags", 96, 4},
    {"vm_map_entry", "protection", 100, 1},
    {"vm_map_entry", "inheritance", 102, 1, true},
    {"vm_object", "type", 125, 1},
    {"vm_object", "handle", 200, 8},
    {"vm_object", "backing_object", 144, 8},
    {"vm_object", "backing_object_offset", 152, 8, true},
    {"vnode", "v_type", 468, 4},
    {"namecache_ts", "nc_name", 108, 0},
    {"mount", "mnt_stat.f_mntonname", 568, 88},
    {"mount", "mnt_stat.f_fstypename", 464, 16},
    {"socket", "so_type", 4, 2, true},
    {"socket", "so_options", 6, 2, true},
    {"socket", "so_state", 10, 2, true},
    {"socket", "so_pcb", 16, 8},
    {"socket", "so_proto", 32, 8},
    {"socket", "so_rcv.sb_ccc", 328, 4},
    {"socket", "so_snd.sb_ccc", 640, 4},
    {"socket", "so_qlen", 96, 4},
    {"inpcb", "inp_vflag", 116, 1},
    {"inpcb", "inp_ppcb", 48, 8},
    {"inpcb", "inp_inc.inc_ie.ie_fport", 196, 2},
    {"inpcb", "inp_inc.inc_ie.ie_lport", 198, 2},
    {"inpcb", "inp_inc.inc_ie.ie_dependfaddr", 200, 16},
    {"inpcb", "inp_inc.inc_ie.ie_dependladdr", 216, 16},
    {"tcpcb", "t_state", 48, 4, true},
    {"tcpcb", "t_inpcb", 40, 8},
    {"unpcb", "unp_addr", 80, 8},
    {"unpcb", "unp_conn", 48, 8},
    {"socket", "sol_qlen", absent},
    {"proc", "p_oppid", 488, 4, true},
    {"inpcb", "inp_flags", 108, 4, true},
};
constexpr ReleaseLayout freebsd_11_0_amd64 = {
    "FreeBSD 11.0 amd64", Architecture::x86_64, 1100122, 1100499,
    of_11_0_amd64,        &freebsd_12_1_amd64};

constexpr ReleaseMember of_11_0_arm64[] = {
    {"proc", "", 0, 1296},
    {"thread", "", 0, 1192},
    {"thread", "td_oncpu", 1188, 4, true},
    {"thread", "td_lastcpu", 1184, 4, true},
    {"pcb", "", 0, 832},
    {"vmspace", "vm_pmap.pm_stats.resident_count", 344, 8, true},
    {"vmspace", "vm_pmap.pm_cr3", absent},
};
constexpr ReleaseLayout freebsd_11_0_arm64 = {
    "FreeBSD 11.0 arm64", Architecture::aarch64, 1100122, 1100499,
    of_11_0_arm64,        &freebsd_11_0_amd64};

constexpr std::array<const ReleaseLayout*, 16> layouts = {
    &freebsd_11_0_amd64, &freebsd_11_0_arm64, &freebsd_12_1_amd64, &freebsd_12_1_arm64,
    &freebsd_12_2_amd64, &freebsd_12_2_arm64, &freebsd_12_3_amd64, &freebsd_12_3_arm64,
    &freebsd_13_0_amd64, &freebsd_13_0_arm64, &freebsd_13_1_amd64, &freebsd_13_1_arm64,
    &freebsd_14_2_amd64, &freebsd_14_2_arm64, &freebsd_15_0_amd64, &freebsd_15_0_arm64};

/// osreldate of each X.0-RELEASE (the FreeBSD Porter's Handbook); before it lies the development of
/// X, whose structures were still moving.
constexpr std::uint64_t per_branch = 100000;
constexpr std::array<std::uint64_t, 5> first_of_branches = {1100122, 1200086, 1300139, 1400097,
                                                            1500068};

}  // namespace

std::optional<Member> ReleaseLayout::member(std::string_view structure,
                                            std::string_view path) const {
  for (const ReleaseLayout* layout = this; layout != nullptr; layout = layout->base)
    for (const ReleaseMember& one : layout->members) {
      if (one.structure != structure || one.path != path) continue;
      if (one.offset == absent) return std::nullopt;
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

const ReleaseLayout* find_layout(std::span<const ReleaseLayout* const> known,
                                 Architecture architecture, std::uint64_t osreldate) {
  for (const ReleaseLayout* layout : known)
    if (layout->architecture == architecture && osreldate >= layout->first &&
        osreldate <= layout->last)
      return layout;
  return nullptr;
}

const ReleaseLayout* release_layout(Architecture architecture, std::uint64_t osreldate) {
  return find_layout(layouts, architecture, osreldate);
}

const ReleaseLayout* branch_layout(Architecture architecture, std::uint64_t osreldate) {
  const auto branch = std::find_if(
      first_of_branches.begin(), first_of_branches.end(),
      [osreldate](std::uint64_t first) { return first / per_branch == osreldate / per_branch; });
  if (branch == first_of_branches.end() || osreldate < *branch) return nullptr;
  const ReleaseLayout* nearest = nullptr;
  for (const ReleaseLayout* layout : layouts) {
    if (layout->architecture != architecture ||
        layout->first / per_branch != osreldate / per_branch)
      continue;
    // They ascend: the last one before the kernel, else the first one after it.
    if (nearest == nullptr || layout->last < osreldate) nearest = layout;
  }
  return nearest;
}

}  // namespace panicroom::freebsd
