#include "core/kernel/openbsd/release_layouts.h"

namespace panicroom::openbsd {
namespace {

// What arm64 has otherwise than amd64, from the same headers.
constexpr ReleaseMember of_7_3_arm64[] = {
    {"pmap", "pm_stats.resident_count", 64, 8, true},
    {"pmap", "pm_pt0pa", 24, 8},
    {"pmap", "pm_vp.l1", 16, 8},
    {"pmap", "have_4_level_pt", 48, 4, true},
    {"cpu_info", "ci_next", 8, 8},
    {"cpu_info", "ci_cpuid", 680, 4},
    {"cpu_info", "ci_curproc", 728, 8},
    {"cpu_info", "ci_schedstate.spc_idleproc", 16, 8},
    {"cpu_info", "ci_schedstate.spc_nrun", 632, 4},
    {"cpu_info", "ci_panicbuf", 1360, 512},
    {"cpu_info", "ci_ddb_paused", 1108, 4, true},
    {"user", "u_pcb", 0, 576},
    {"pcb", "pcb_sp", 16, 8, true},
    {"pmap", "pm_pdirpa", not_there},
    {"pcb", "pcb_rsp", not_there},
    {"pcb", "pcb_rbp", not_there},
};

constexpr ReleaseMember of_7_4_arm64[] = {
    {"proc", "p_slppri", 560, 1},
    {"proc", "p_name", 536, 24},
    {"proc", "p_addr", 624, 8},
    {"vmspace", "vm_maxsaddr", 336, 8},
    {"vmspace", "vm_minsaddr", 344, 8},
    {"cpu_info", "ci_cpuid", 704, 4},
    {"cpu_info", "ci_curproc", 752, 8},
    {"cpu_info", "ci_schedstate.spc_nrun", 656, 4},
    {"cpu_info", "ci_panicbuf", 1392, 512},
    {"cpu_info", "ci_ddb_paused", 1148, 4, true},
    {"proc", "p_rtime.tv_sec", not_there},
    {"proc", "p_rtime.tv_nsec", not_there},
};

constexpr ReleaseMember of_7_5_arm64[] = {
    {"process", "ps_start.tv_sec", 984, 8, true},
    {"process", "ps_start.tv_nsec", 992, 8, true},
    {"cpu_info", "ci_cpuid", 960, 4},
    {"cpu_info", "ci_curproc", 1016, 8},
    {"cpu_info", "ci_schedstate.spc_nrun", 912, 4},
    {"cpu_info", "ci_panicbuf", 1680, 512},
    {"cpu_info", "ci_ddb_paused", 1420, 4, true},
    {"socket", "so_rcv.sb_cc", 192, 8},
    {"socket", "so_snd.sb_cc", 328, 8},
    {"inpcb", "inp_flags", 216, 4, true},
};

constexpr ReleaseMember of_7_6_arm64[] = {
    {"process", "ps_ucred", 16, 8},
    {"process", "ps_list", 24, 16},
    {"process", "ps_threads", 40, 16},
    {"process", "ps_pptr", 72, 8},
    {"process", "ps_ppid", 328, 4, true},
    {"process", "ps_textvp", 160, 8},
    {"process", "ps_fd", 168, 8},
    {"process", "ps_vmspace", 176, 8},
    {"process", "ps_pid", 184, 4, true},
    {"process", "ps_flags", 272, 4},
    {"process", "ps_tu.tu_runtime.tv_sec", 392, 8, true},
    {"process", "ps_tu.tu_runtime.tv_nsec", 400, 8, true},
    {"process", "ps_tu.tu_uticks", 368, 8},
    {"process", "ps_tu.tu_sticks", 376, 8},
    {"process", "ps_tu.tu_iticks", 384, 8},
    {"process", "ps_pgrp", 776, 8},
    {"process", "ps_comm", 784, 24},
    {"process", "ps_strings", 808, 8},
    {"process", "ps_nice", 860, 1, true},
    {"process", "ps_pledge", 904, 8},
    {"process", "ps_start.tv_sec", 1008, 8, true},
    {"process", "ps_start.tv_nsec", 1016, 8, true},
    {"proc", "p_flag", 120, 4, true},
    {"proc", "p_stat", 125, 1, true},
    {"proc", "p_runpri", 126, 1},
    {"proc", "p_slppri", 528, 1},
    {"proc", "p_tid", 128, 4, true},
    {"proc", "p_wchan", 160, 8},
    {"proc", "p_wmesg", 240, 8},
    {"proc", "p_cpu", 256, 8},
    {"proc", "p_tu.tu_runtime.tv_sec", 440, 8, true},
    {"proc", "p_tu.tu_runtime.tv_nsec", 448, 8, true},
    {"proc", "p_tu.tu_uticks", 416, 8},
    {"proc", "p_tu.tu_sticks", 424, 8},
    {"proc", "p_tu.tu_iticks", 432, 8},
    {"proc", "p_name", 504, 24},
    {"proc", "p_addr", 592, 8},
    {"vmspace", "vm_map.addr", 16, 8},
    {"vmspace", "vm_map.size", 24, 8},
    {"vmspace", "vm_maxsaddr", 328, 8},
    {"vmspace", "vm_minsaddr", 336, 8},
    {"cpu_info", "ci_panicbuf", 1840, 512},
    {"cpu_info", "ci_ddb_paused", 1580, 4, true},
    {"uvmexp", "percpucaches", 48, 4, true},
    {"socket", "so_snd.sb_cc", 344, 8},
    {"inpcb", "inp_flags", 200, 4, true},
    {"inpcb", "inp_faddru.iau_addr", 64, 4},
    {"inpcb", "inp_laddru.iau_addr", 80, 4},
    {"proc", "p_uticks", not_there},
    {"proc", "p_sticks", not_there},
    {"proc", "p_iticks", not_there},
    {"inpcb", "inp_faddru.iau_a4u.inaddr", not_there},
    {"inpcb", "inp_laddru.iau_a4u.inaddr", not_there},
};

}  // namespace

const ReleaseLayout openbsd_7_3_arm64 = {"OpenBSD 7.3 arm64", Architecture::aarch64, 703, 703,
                                         of_7_3_arm64,        &openbsd_7_3_amd64};
const ReleaseLayout openbsd_7_4_arm64 = {"OpenBSD 7.4 arm64", Architecture::aarch64, 704, 704,
                                         of_7_4_arm64,        &openbsd_7_3_arm64};
const ReleaseLayout openbsd_7_5_arm64 = {"OpenBSD 7.5 arm64", Architecture::aarch64, 705, 705,
                                         of_7_5_arm64,        &openbsd_7_4_arm64};
const ReleaseLayout openbsd_7_6_arm64 = {"OpenBSD 7.6 arm64", Architecture::aarch64, 706, 706,
                                         of_7_6_arm64,        &openbsd_7_5_arm64};

}  // namespace panicroom::openbsd
