/* Offsets and sizes of the members, LP64: each as the system's own headers lay them out. */
#include <stddef.h>

#include "native/libkvm/include/panicroom/freebsd/panicroom_kinfo.h"

#define MEMBER(type, member, offset, size)                                              \
  _Static_assert(offsetof(struct type, member) == (offset) &&                           \
                     sizeof(((struct type *)0)->member) == (size),                      \
                 #type "." #member)

#ifdef __LP64__
MEMBER(kinfo_proc, ki_structsize, 0, 4);
MEMBER(kinfo_proc, ki_layout, 4, 4);
MEMBER(kinfo_proc, ki_args, 8, 8);
MEMBER(kinfo_proc, ki_paddr, 16, 8);
MEMBER(kinfo_proc, ki_addr, 24, 8);
MEMBER(kinfo_proc, ki_tracep, 32, 8);
MEMBER(kinfo_proc, ki_textvp, 40, 8);
MEMBER(kinfo_proc, ki_fd, 48, 8);
MEMBER(kinfo_proc, ki_vmspace, 56, 8);
MEMBER(kinfo_proc, ki_wchan, 64, 8);
MEMBER(kinfo_proc, ki_pid, 72, 4);
MEMBER(kinfo_proc, ki_ppid, 76, 4);
MEMBER(kinfo_proc, ki_pgid, 80, 4);
MEMBER(kinfo_proc, ki_tpgid, 84, 4);
MEMBER(kinfo_proc, ki_sid, 88, 4);
MEMBER(kinfo_proc, ki_tsid, 92, 4);
MEMBER(kinfo_proc, ki_jobc, 96, 2);
MEMBER(kinfo_proc, ki_tdev_freebsd11, 100, 4);
MEMBER(kinfo_proc, ki_siglist, 104, 16);
MEMBER(kinfo_proc, ki_sigmask, 120, 16);
MEMBER(kinfo_proc, ki_sigignore, 136, 16);
MEMBER(kinfo_proc, ki_sigcatch, 152, 16);
MEMBER(kinfo_proc, ki_uid, 168, 4);
MEMBER(kinfo_proc, ki_ruid, 172, 4);
MEMBER(kinfo_proc, ki_svuid, 176, 4);
MEMBER(kinfo_proc, ki_rgid, 180, 4);
MEMBER(kinfo_proc, ki_svgid, 184, 4);
MEMBER(kinfo_proc, ki_ngroups, 188, 2);
MEMBER(kinfo_proc, ki_groups, 192, 64);
MEMBER(kinfo_proc, ki_size, 256, 8);
MEMBER(kinfo_proc, ki_rssize, 264, 8);
MEMBER(kinfo_proc, ki_swrss, 272, 8);
MEMBER(kinfo_proc, ki_tsize, 280, 8);
MEMBER(kinfo_proc, ki_dsize, 288, 8);
MEMBER(kinfo_proc, ki_ssize, 296, 8);
MEMBER(kinfo_proc, ki_xstat, 304, 2);
MEMBER(kinfo_proc, ki_acflag, 306, 2);
MEMBER(kinfo_proc, ki_pctcpu, 308, 4);
MEMBER(kinfo_proc, ki_estcpu, 312, 4);
MEMBER(kinfo_proc, ki_slptime, 316, 4);
MEMBER(kinfo_proc, ki_swtime, 320, 4);
MEMBER(kinfo_proc, ki_cow, 324, 4);
MEMBER(kinfo_proc, ki_runtime, 328, 8);
MEMBER(kinfo_proc, ki_start, 336, 16);
MEMBER(kinfo_proc, ki_childtime, 352, 16);
MEMBER(kinfo_proc, ki_flag, 368, 8);
MEMBER(kinfo_proc, ki_kiflag, 376, 8);
MEMBER(kinfo_proc, ki_traceflag, 384, 4);
MEMBER(kinfo_proc, ki_stat, 388, 1);
MEMBER(kinfo_proc, ki_nice, 389, 1);
MEMBER(kinfo_proc, ki_lock, 390, 1);
MEMBER(kinfo_proc, ki_rqindex, 391, 1);
MEMBER(kinfo_proc, ki_oncpu_old, 392, 1);
MEMBER(kinfo_proc, ki_lastcpu_old, 393, 1);
MEMBER(kinfo_proc, ki_tdname, 394, 17);
MEMBER(kinfo_proc, ki_wmesg, 411, 9);
MEMBER(kinfo_proc, ki_login, 420, 18);
MEMBER(kinfo_proc, ki_lockname, 438, 9);
MEMBER(kinfo_proc, ki_comm, 447, 20);
MEMBER(kinfo_proc, ki_emul, 467, 17);
MEMBER(kinfo_proc, ki_loginclass, 484, 18);
MEMBER(kinfo_proc, ki_moretdname, 502, 4);
MEMBER(kinfo_proc, ki_sparestrings, 506, 46);
MEMBER(kinfo_proc, ki_spareints, 552, 8);
MEMBER(kinfo_proc, ki_tdev, 560, 8);
MEMBER(kinfo_proc, ki_oncpu, 568, 4);
MEMBER(kinfo_proc, ki_lastcpu, 572, 4);
MEMBER(kinfo_proc, ki_tracer, 576, 4);
MEMBER(kinfo_proc, ki_flag2, 580, 4);
MEMBER(kinfo_proc, ki_fibnum, 584, 4);
MEMBER(kinfo_proc, ki_cr_flags, 588, 4);
MEMBER(kinfo_proc, ki_jid, 592, 4);
MEMBER(kinfo_proc, ki_numthreads, 596, 4);
MEMBER(kinfo_proc, ki_tid, 600, 4);
MEMBER(kinfo_proc, ki_pri, 604, 4);
MEMBER(kinfo_proc, ki_rusage, 608, 144);
MEMBER(kinfo_proc, ki_rusage_ch, 752, 144);
MEMBER(kinfo_proc, ki_pcb, 896, 8);
MEMBER(kinfo_proc, ki_kstack, 904, 8);
MEMBER(kinfo_proc, ki_udata, 912, 8);
MEMBER(kinfo_proc, ki_tdaddr, 920, 8);
MEMBER(kinfo_proc, ki_spareptrs, 928, 48);
MEMBER(kinfo_proc, ki_sparelongs, 976, 96);
MEMBER(kinfo_proc, ki_sflag, 1072, 8);
MEMBER(kinfo_proc, ki_tdflags, 1080, 8);
_Static_assert(sizeof(struct kinfo_proc) == 1088, "struct kinfo_proc");
MEMBER(xfile, xf_size, 0, 8);
MEMBER(xfile, xf_pid, 8, 4);
MEMBER(xfile, xf_uid, 12, 4);
MEMBER(xfile, xf_fd, 16, 4);
MEMBER(xfile, xf_file, 24, 8);
MEMBER(xfile, xf_type, 32, 2);
MEMBER(xfile, xf_count, 36, 4);
MEMBER(xfile, xf_msgcount, 40, 4);
MEMBER(xfile, xf_offset, 48, 8);
MEMBER(xfile, xf_data, 56, 8);
MEMBER(xfile, xf_vnode, 64, 8);
MEMBER(xfile, xf_flag, 72, 4);
_Static_assert(sizeof(struct xfile) == 128, "struct xfile");
#endif

typedef int panicroom_freebsd_layouts_are_proved;
