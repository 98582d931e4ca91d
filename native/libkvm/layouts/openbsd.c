/* Offsets and sizes of the members, LP64: each as the system's own headers lay them out. */
#include <stddef.h>

#include "native/libkvm/include/panicroom/openbsd/panicroom_kinfo.h"

#define MEMBER(type, member, offset, size)                                              \
  _Static_assert(offsetof(struct type, member) == (offset) &&                           \
                     sizeof(((struct type *)0)->member) == (size),                      \
                 #type "." #member)

#ifdef __LP64__
MEMBER(kinfo_proc, p_forw, 0, 8);
MEMBER(kinfo_proc, p_back, 8, 8);
MEMBER(kinfo_proc, p_paddr, 16, 8);
MEMBER(kinfo_proc, p_addr, 24, 8);
MEMBER(kinfo_proc, p_fd, 32, 8);
MEMBER(kinfo_proc, p_stats, 40, 8);
MEMBER(kinfo_proc, p_limit, 48, 8);
MEMBER(kinfo_proc, p_vmspace, 56, 8);
MEMBER(kinfo_proc, p_sigacts, 64, 8);
MEMBER(kinfo_proc, p_sess, 72, 8);
MEMBER(kinfo_proc, p_tsess, 80, 8);
MEMBER(kinfo_proc, p_ru, 88, 8);
MEMBER(kinfo_proc, p_eflag, 96, 4);
MEMBER(kinfo_proc, p_exitsig, 100, 4);
MEMBER(kinfo_proc, p_flag, 104, 4);
MEMBER(kinfo_proc, p_pid, 108, 4);
MEMBER(kinfo_proc, p_ppid, 112, 4);
MEMBER(kinfo_proc, p_sid, 116, 4);
MEMBER(kinfo_proc, p__pgid, 120, 4);
MEMBER(kinfo_proc, p_tpgid, 124, 4);
MEMBER(kinfo_proc, p_uid, 128, 4);
MEMBER(kinfo_proc, p_ruid, 132, 4);
MEMBER(kinfo_proc, p_gid, 136, 4);
MEMBER(kinfo_proc, p_rgid, 140, 4);
MEMBER(kinfo_proc, p_groups, 144, 64);
MEMBER(kinfo_proc, p_ngroups, 208, 2);
MEMBER(kinfo_proc, p_jobc, 210, 2);
MEMBER(kinfo_proc, p_tdev, 212, 4);
MEMBER(kinfo_proc, p_estcpu, 216, 4);
MEMBER(kinfo_proc, p_rtime_sec, 220, 4);
MEMBER(kinfo_proc, p_rtime_usec, 224, 4);
MEMBER(kinfo_proc, p_cpticks, 228, 4);
MEMBER(kinfo_proc, p_pctcpu, 232, 4);
MEMBER(kinfo_proc, p_swtime, 236, 4);
MEMBER(kinfo_proc, p_slptime, 240, 4);
MEMBER(kinfo_proc, p_schedflags, 244, 4);
MEMBER(kinfo_proc, p_uticks, 248, 8);
MEMBER(kinfo_proc, p_sticks, 256, 8);
MEMBER(kinfo_proc, p_iticks, 264, 8);
MEMBER(kinfo_proc, p_tracep, 272, 8);
MEMBER(kinfo_proc, p_traceflag, 280, 4);
MEMBER(kinfo_proc, p_holdcnt, 284, 4);
MEMBER(kinfo_proc, p_siglist, 288, 4);
MEMBER(kinfo_proc, p_sigmask, 292, 4);
MEMBER(kinfo_proc, p_sigignore, 296, 4);
MEMBER(kinfo_proc, p_sigcatch, 300, 4);
MEMBER(kinfo_proc, p_stat, 304, 1);
MEMBER(kinfo_proc, p_priority, 305, 1);
MEMBER(kinfo_proc, p_usrpri, 306, 1);
MEMBER(kinfo_proc, p_nice, 307, 1);
MEMBER(kinfo_proc, p_xstat, 308, 2);
MEMBER(kinfo_proc, p_spare, 310, 2);
MEMBER(kinfo_proc, p_comm, 312, 24);
MEMBER(kinfo_proc, p_wmesg, 336, 8);
MEMBER(kinfo_proc, p_wchan, 344, 8);
MEMBER(kinfo_proc, p_login, 352, 32);
MEMBER(kinfo_proc, p_vm_rssize, 384, 4);
MEMBER(kinfo_proc, p_vm_tsize, 388, 4);
MEMBER(kinfo_proc, p_vm_dsize, 392, 4);
MEMBER(kinfo_proc, p_vm_ssize, 396, 4);
MEMBER(kinfo_proc, p_uvalid, 400, 8);
MEMBER(kinfo_proc, p_ustart_sec, 408, 8);
MEMBER(kinfo_proc, p_ustart_usec, 416, 4);
MEMBER(kinfo_proc, p_uutime_sec, 420, 4);
MEMBER(kinfo_proc, p_uutime_usec, 424, 4);
MEMBER(kinfo_proc, p_ustime_sec, 428, 4);
MEMBER(kinfo_proc, p_ustime_usec, 432, 4);
MEMBER(kinfo_proc, p_uru_maxrss, 440, 8);
MEMBER(kinfo_proc, p_uru_ixrss, 448, 8);
MEMBER(kinfo_proc, p_uru_idrss, 456, 8);
MEMBER(kinfo_proc, p_uru_isrss, 464, 8);
MEMBER(kinfo_proc, p_uru_minflt, 472, 8);
MEMBER(kinfo_proc, p_uru_majflt, 480, 8);
MEMBER(kinfo_proc, p_uru_nswap, 488, 8);
MEMBER(kinfo_proc, p_uru_inblock, 496, 8);
MEMBER(kinfo_proc, p_uru_oublock, 504, 8);
MEMBER(kinfo_proc, p_uru_msgsnd, 512, 8);
MEMBER(kinfo_proc, p_uru_msgrcv, 520, 8);
MEMBER(kinfo_proc, p_uru_nsignals, 528, 8);
MEMBER(kinfo_proc, p_uru_nvcsw, 536, 8);
MEMBER(kinfo_proc, p_uru_nivcsw, 544, 8);
MEMBER(kinfo_proc, p_uctime_sec, 552, 4);
MEMBER(kinfo_proc, p_uctime_usec, 556, 4);
MEMBER(kinfo_proc, p_psflags, 560, 4);
MEMBER(kinfo_proc, p_acflag, 564, 4);
MEMBER(kinfo_proc, p_svuid, 568, 4);
MEMBER(kinfo_proc, p_svgid, 572, 4);
MEMBER(kinfo_proc, p_emul, 576, 8);
MEMBER(kinfo_proc, p_rlim_rss_cur, 584, 8);
MEMBER(kinfo_proc, p_cpuid, 592, 8);
MEMBER(kinfo_proc, p_vm_map_size, 600, 8);
MEMBER(kinfo_proc, p_tid, 608, 4);
MEMBER(kinfo_proc, p_rtableid, 612, 4);
MEMBER(kinfo_proc, p_pledge, 616, 8);
MEMBER(kinfo_proc, p_name, 624, 24);
_Static_assert(sizeof(struct kinfo_proc) == 648, "struct kinfo_proc");
#endif

typedef int panicroom_openbsd_layouts_are_proved;
