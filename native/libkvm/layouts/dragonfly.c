/* Offsets and sizes of the members, LP64: each as the system's own headers lay them out. */
#include <stddef.h>

#include "native/libkvm/include/panicroom/dragonfly/panicroom_kinfo.h"

#define MEMBER(type, member, offset, size)                                              \
  _Static_assert(offsetof(struct type, member) == (offset) &&                           \
                     sizeof(((struct type *)0)->member) == (size),                      \
                 #type "." #member)

#ifdef __LP64__
MEMBER(kinfo_lwp, kl_pid, 0, 4);
MEMBER(kinfo_lwp, kl_tid, 4, 4);
MEMBER(kinfo_lwp, kl_flags, 8, 4);
MEMBER(kinfo_lwp, kl_stat, 12, 4);
MEMBER(kinfo_lwp, kl_lock, 16, 4);
MEMBER(kinfo_lwp, kl_tdflags, 20, 4);
MEMBER(kinfo_lwp, kl_mpcount, 24, 4);
MEMBER(kinfo_lwp, kl_prio, 28, 4);
MEMBER(kinfo_lwp, kl_tdprio, 32, 4);
MEMBER(kinfo_lwp, kl_rtprio, 36, 4);
MEMBER(kinfo_lwp, kl_uticks, 40, 8);
MEMBER(kinfo_lwp, kl_sticks, 48, 8);
MEMBER(kinfo_lwp, kl_iticks, 56, 8);
MEMBER(kinfo_lwp, kl_cpticks, 64, 8);
MEMBER(kinfo_lwp, kl_pctcpu, 72, 4);
MEMBER(kinfo_lwp, kl_slptime, 76, 4);
MEMBER(kinfo_lwp, kl_origcpu, 80, 4);
MEMBER(kinfo_lwp, kl_estcpu, 84, 4);
MEMBER(kinfo_lwp, kl_cpuid, 88, 4);
MEMBER(kinfo_lwp, kl_ru, 96, 144);
MEMBER(kinfo_lwp, kl_siglist, 240, 16);
MEMBER(kinfo_lwp, kl_sigmask, 256, 16);
MEMBER(kinfo_lwp, kl_wchan, 272, 8);
MEMBER(kinfo_lwp, kl_wmesg, 280, 9);
MEMBER(kinfo_lwp, kl_comm, 289, 17);
_Static_assert(sizeof(struct kinfo_lwp) == 312, "struct kinfo_lwp");
MEMBER(kinfo_proc, kp_paddr, 0, 8);
MEMBER(kinfo_proc, kp_flags, 8, 4);
MEMBER(kinfo_proc, kp_stat, 12, 4);
MEMBER(kinfo_proc, kp_lock, 16, 4);
MEMBER(kinfo_proc, kp_acflag, 20, 4);
MEMBER(kinfo_proc, kp_traceflag, 24, 4);
MEMBER(kinfo_proc, kp_fd, 32, 8);
MEMBER(kinfo_proc, kp_siglist, 40, 16);
MEMBER(kinfo_proc, kp_sigignore, 56, 16);
MEMBER(kinfo_proc, kp_sigcatch, 72, 16);
MEMBER(kinfo_proc, kp_sigflag, 88, 4);
MEMBER(kinfo_proc, kp_start, 96, 16);
MEMBER(kinfo_proc, kp_comm, 112, 17);
MEMBER(kinfo_proc, kp_uid, 132, 4);
MEMBER(kinfo_proc, kp_ngroups, 136, 2);
MEMBER(kinfo_proc, kp_groups, 140, 64);
MEMBER(kinfo_proc, kp_ruid, 204, 4);
MEMBER(kinfo_proc, kp_svuid, 208, 4);
MEMBER(kinfo_proc, kp_rgid, 212, 4);
MEMBER(kinfo_proc, kp_svgid, 216, 4);
MEMBER(kinfo_proc, kp_pid, 220, 4);
MEMBER(kinfo_proc, kp_ppid, 224, 4);
MEMBER(kinfo_proc, kp_pgid, 228, 4);
MEMBER(kinfo_proc, kp_jobc, 232, 4);
MEMBER(kinfo_proc, kp_sid, 236, 4);
MEMBER(kinfo_proc, kp_login, 240, 40);
MEMBER(kinfo_proc, kp_tdev, 280, 4);
MEMBER(kinfo_proc, kp_tpgid, 284, 4);
MEMBER(kinfo_proc, kp_tsid, 288, 4);
MEMBER(kinfo_proc, kp_exitstat, 292, 2);
MEMBER(kinfo_proc, kp_nthreads, 296, 4);
MEMBER(kinfo_proc, kp_nice, 300, 4);
MEMBER(kinfo_proc, kp_swtime, 304, 4);
MEMBER(kinfo_proc, kp_vm_map_size, 312, 8);
MEMBER(kinfo_proc, kp_vm_rssize, 320, 8);
MEMBER(kinfo_proc, kp_vm_swrss, 328, 8);
MEMBER(kinfo_proc, kp_vm_tsize, 336, 8);
MEMBER(kinfo_proc, kp_vm_dsize, 344, 8);
MEMBER(kinfo_proc, kp_vm_ssize, 352, 8);
MEMBER(kinfo_proc, kp_vm_prssize, 360, 4);
MEMBER(kinfo_proc, kp_jailid, 364, 4);
MEMBER(kinfo_proc, kp_ru, 368, 144);
MEMBER(kinfo_proc, kp_cru, 512, 144);
MEMBER(kinfo_proc, kp_auxflags, 656, 4);
MEMBER(kinfo_proc, kp_lwp, 664, 312);
MEMBER(kinfo_proc, kp_ktaddr, 976, 8);
MEMBER(kinfo_proc, kp_spare, 984, 8);
_Static_assert(sizeof(struct kinfo_proc) == 992, "struct kinfo_proc");
MEMBER(kinfo_file, f_size, 0, 8);
MEMBER(kinfo_file, f_pid, 8, 4);
MEMBER(kinfo_file, f_uid, 12, 4);
MEMBER(kinfo_file, f_fd, 16, 4);
MEMBER(kinfo_file, f_file, 24, 8);
MEMBER(kinfo_file, f_type, 32, 2);
MEMBER(kinfo_file, f_count, 36, 4);
MEMBER(kinfo_file, f_msgcount, 40, 4);
MEMBER(kinfo_file, f_offset, 48, 8);
MEMBER(kinfo_file, f_data, 56, 8);
MEMBER(kinfo_file, f_flag, 64, 4);
_Static_assert(sizeof(struct kinfo_file) == 72, "struct kinfo_file");
#endif

typedef int panicroom_dragonfly_layouts_are_proved;
