/* Offsets and sizes of the members, LP64: each as the system's own headers lay them out. */
#include <stddef.h>

#include "native/libkvm/include/panicroom/netbsd/panicroom_kinfo.h"

#define MEMBER(type, member, offset, size)                                              \
  _Static_assert(offsetof(struct type, member) == (offset) &&                           \
                     sizeof(((struct type *)0)->member) == (size),                      \
                 #type "." #member)

#ifdef __LP64__
MEMBER(kinfo_proc2, p_forw, 0, 8);
MEMBER(kinfo_proc2, p_back, 8, 8);
MEMBER(kinfo_proc2, p_paddr, 16, 8);
MEMBER(kinfo_proc2, p_addr, 24, 8);
MEMBER(kinfo_proc2, p_fd, 32, 8);
MEMBER(kinfo_proc2, p_cwdi, 40, 8);
MEMBER(kinfo_proc2, p_stats, 48, 8);
MEMBER(kinfo_proc2, p_limit, 56, 8);
MEMBER(kinfo_proc2, p_vmspace, 64, 8);
MEMBER(kinfo_proc2, p_sigacts, 72, 8);
MEMBER(kinfo_proc2, p_sess, 80, 8);
MEMBER(kinfo_proc2, p_tsess, 88, 8);
MEMBER(kinfo_proc2, p_ru, 96, 8);
MEMBER(kinfo_proc2, p_eflag, 104, 4);
MEMBER(kinfo_proc2, p_exitsig, 108, 4);
MEMBER(kinfo_proc2, p_flag, 112, 4);
MEMBER(kinfo_proc2, p_pid, 116, 4);
MEMBER(kinfo_proc2, p_ppid, 120, 4);
MEMBER(kinfo_proc2, p_sid, 124, 4);
MEMBER(kinfo_proc2, p__pgid, 128, 4);
MEMBER(kinfo_proc2, p_tpgid, 132, 4);
MEMBER(kinfo_proc2, p_uid, 136, 4);
MEMBER(kinfo_proc2, p_ruid, 140, 4);
MEMBER(kinfo_proc2, p_gid, 144, 4);
MEMBER(kinfo_proc2, p_rgid, 148, 4);
MEMBER(kinfo_proc2, p_groups, 152, 64);
MEMBER(kinfo_proc2, p_ngroups, 216, 2);
MEMBER(kinfo_proc2, p_jobc, 218, 2);
MEMBER(kinfo_proc2, p_tdev, 220, 4);
MEMBER(kinfo_proc2, p_estcpu, 224, 4);
MEMBER(kinfo_proc2, p_rtime_sec, 228, 4);
MEMBER(kinfo_proc2, p_rtime_usec, 232, 4);
MEMBER(kinfo_proc2, p_cpticks, 236, 4);
MEMBER(kinfo_proc2, p_pctcpu, 240, 4);
MEMBER(kinfo_proc2, p_swtime, 244, 4);
MEMBER(kinfo_proc2, p_slptime, 248, 4);
MEMBER(kinfo_proc2, p_schedflags, 252, 4);
MEMBER(kinfo_proc2, p_uticks, 256, 8);
MEMBER(kinfo_proc2, p_sticks, 264, 8);
MEMBER(kinfo_proc2, p_iticks, 272, 8);
MEMBER(kinfo_proc2, p_tracep, 280, 8);
MEMBER(kinfo_proc2, p_traceflag, 288, 4);
MEMBER(kinfo_proc2, p_holdcnt, 292, 4);
MEMBER(kinfo_proc2, p_siglist, 296, 16);
MEMBER(kinfo_proc2, p_sigmask, 312, 16);
MEMBER(kinfo_proc2, p_sigignore, 328, 16);
MEMBER(kinfo_proc2, p_sigcatch, 344, 16);
MEMBER(kinfo_proc2, p_stat, 360, 1);
MEMBER(kinfo_proc2, p_priority, 361, 1);
MEMBER(kinfo_proc2, p_usrpri, 362, 1);
MEMBER(kinfo_proc2, p_nice, 363, 1);
MEMBER(kinfo_proc2, p_xstat, 364, 2);
MEMBER(kinfo_proc2, p_acflag, 366, 2);
MEMBER(kinfo_proc2, p_comm, 368, 24);
MEMBER(kinfo_proc2, p_wmesg, 392, 8);
MEMBER(kinfo_proc2, p_wchan, 400, 8);
MEMBER(kinfo_proc2, p_login, 408, 24);
MEMBER(kinfo_proc2, p_vm_rssize, 432, 4);
MEMBER(kinfo_proc2, p_vm_tsize, 436, 4);
MEMBER(kinfo_proc2, p_vm_dsize, 440, 4);
MEMBER(kinfo_proc2, p_vm_ssize, 444, 4);
MEMBER(kinfo_proc2, p_uvalid, 448, 8);
MEMBER(kinfo_proc2, p_ustart_sec, 456, 4);
MEMBER(kinfo_proc2, p_ustart_usec, 460, 4);
MEMBER(kinfo_proc2, p_uutime_sec, 464, 4);
MEMBER(kinfo_proc2, p_uutime_usec, 468, 4);
MEMBER(kinfo_proc2, p_ustime_sec, 472, 4);
MEMBER(kinfo_proc2, p_ustime_usec, 476, 4);
MEMBER(kinfo_proc2, p_uru_maxrss, 480, 8);
MEMBER(kinfo_proc2, p_uru_ixrss, 488, 8);
MEMBER(kinfo_proc2, p_uru_idrss, 496, 8);
MEMBER(kinfo_proc2, p_uru_isrss, 504, 8);
MEMBER(kinfo_proc2, p_uru_minflt, 512, 8);
MEMBER(kinfo_proc2, p_uru_majflt, 520, 8);
MEMBER(kinfo_proc2, p_uru_nswap, 528, 8);
MEMBER(kinfo_proc2, p_uru_inblock, 536, 8);
MEMBER(kinfo_proc2, p_uru_oublock, 544, 8);
MEMBER(kinfo_proc2, p_uru_msgsnd, 552, 8);
MEMBER(kinfo_proc2, p_uru_msgrcv, 560, 8);
MEMBER(kinfo_proc2, p_uru_nsignals, 568, 8);
MEMBER(kinfo_proc2, p_uru_nvcsw, 576, 8);
MEMBER(kinfo_proc2, p_uru_nivcsw, 584, 8);
MEMBER(kinfo_proc2, p_uctime_sec, 592, 4);
MEMBER(kinfo_proc2, p_uctime_usec, 596, 4);
MEMBER(kinfo_proc2, p_cpuid, 600, 8);
MEMBER(kinfo_proc2, p_realflag, 608, 8);
MEMBER(kinfo_proc2, p_nlwps, 616, 8);
MEMBER(kinfo_proc2, p_nrlwps, 624, 8);
MEMBER(kinfo_proc2, p_realstat, 632, 8);
MEMBER(kinfo_proc2, p_svuid, 640, 4);
MEMBER(kinfo_proc2, p_svgid, 644, 4);
MEMBER(kinfo_proc2, p_ename, 648, 16);
MEMBER(kinfo_proc2, p_vm_vsize, 664, 8);
MEMBER(kinfo_proc2, p_vm_msize, 672, 8);
_Static_assert(sizeof(struct kinfo_proc2) == 680, "struct kinfo_proc2");
MEMBER(kinfo_lwp, l_forw, 0, 8);
MEMBER(kinfo_lwp, l_back, 8, 8);
MEMBER(kinfo_lwp, l_laddr, 16, 8);
MEMBER(kinfo_lwp, l_addr, 24, 8);
MEMBER(kinfo_lwp, l_lid, 32, 4);
MEMBER(kinfo_lwp, l_flag, 36, 4);
MEMBER(kinfo_lwp, l_swtime, 40, 4);
MEMBER(kinfo_lwp, l_slptime, 44, 4);
MEMBER(kinfo_lwp, l_schedflags, 48, 4);
MEMBER(kinfo_lwp, l_holdcnt, 52, 4);
MEMBER(kinfo_lwp, l_priority, 56, 1);
MEMBER(kinfo_lwp, l_usrpri, 57, 1);
MEMBER(kinfo_lwp, l_stat, 58, 1);
MEMBER(kinfo_lwp, l_pad1, 59, 1);
MEMBER(kinfo_lwp, l_pad2, 60, 4);
MEMBER(kinfo_lwp, l_wmesg, 64, 8);
MEMBER(kinfo_lwp, l_wchan, 72, 8);
MEMBER(kinfo_lwp, l_cpuid, 80, 8);
MEMBER(kinfo_lwp, l_rtime_sec, 88, 4);
MEMBER(kinfo_lwp, l_rtime_usec, 92, 4);
MEMBER(kinfo_lwp, l_cpticks, 96, 4);
MEMBER(kinfo_lwp, l_pctcpu, 100, 4);
MEMBER(kinfo_lwp, l_pid, 104, 4);
MEMBER(kinfo_lwp, l_name, 108, 20);
_Static_assert(sizeof(struct kinfo_lwp) == 128, "struct kinfo_lwp");
#endif

typedef int panicroom_netbsd_layouts_are_proved;
