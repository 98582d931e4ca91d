/* Records that kvm(3) of this face hands out, and their numbers. Layout: DragonFly 5.9,
 * sys/sys/kinfo.h, sys/sys/proc.h, sys/sys/sysctl.h. */
#ifndef PANICROOM_DRAGONFLY_KINFO_H
#define PANICROOM_DRAGONFLY_KINFO_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t lwpid_t;

struct panicroom_sigset16 {
  uint32_t __bits[4];
};

struct rtprio {
  unsigned short type;
  unsigned short prio;
};

enum lwpstat { LSRUN = 1, LSSTOP = 2, LSSLEEP = 3 };
enum procstat { SIDL = 1, SACTIVE = 2, SSTOP = 3, SZOMB = 4, SCORE = 5 };

struct kinfo_lwp {
  pid_t kl_pid;
  lwpid_t kl_tid;
  int kl_flags;
  enum lwpstat kl_stat;
  int kl_lock;
  int kl_tdflags;
  int kl_mpcount;
  int kl_prio;
  int kl_tdprio;
  struct rtprio kl_rtprio;
  uint64_t kl_uticks;
  uint64_t kl_sticks;
  uint64_t kl_iticks;
  uint64_t kl_cpticks;
  uint32_t kl_pctcpu;
  uint32_t kl_slptime;
  int kl_origcpu;
  int kl_estcpu;
  int kl_cpuid;
  struct rusage kl_ru;
  struct panicroom_sigset16 kl_siglist;
  struct panicroom_sigset16 kl_sigmask;
  uintptr_t kl_wchan;
  char kl_wmesg[9];
  char kl_comm[17];
};

struct kinfo_proc {
  uintptr_t kp_paddr;
  int kp_flags;
  enum procstat kp_stat;
  int kp_lock;
  int kp_acflag;
  int kp_traceflag;
  uintptr_t kp_fd;
  struct panicroom_sigset16 kp_siglist;
  struct panicroom_sigset16 kp_sigignore;
  struct panicroom_sigset16 kp_sigcatch;
  int kp_sigflag;
  struct timeval kp_start;
  char kp_comm[17];
  uid_t kp_uid;
  short kp_ngroups;
  gid_t kp_groups[16];
  uid_t kp_ruid;
  uid_t kp_svuid;
  gid_t kp_rgid;
  gid_t kp_svgid;
  pid_t kp_pid;
  pid_t kp_ppid;
  pid_t kp_pgid;
  int kp_jobc;
  pid_t kp_sid;
  char kp_login[40];
  uint32_t kp_tdev;
  pid_t kp_tpgid;
  pid_t kp_tsid;
  unsigned short kp_exitstat;
  int kp_nthreads;
  int kp_nice;
  uint32_t kp_swtime;
  size_t kp_vm_map_size;
  int64_t kp_vm_rssize;
  int64_t kp_vm_swrss;
  int64_t kp_vm_tsize;
  int64_t kp_vm_dsize;
  int64_t kp_vm_ssize;
  uint32_t kp_vm_prssize;
  int kp_jailid;
  struct rusage kp_ru;
  struct rusage kp_cru;
  int kp_auxflags;
  struct kinfo_lwp kp_lwp;
  uintptr_t kp_ktaddr;
  int kp_spare[2];
};

struct kinfo_file {
  size_t f_size;
  pid_t f_pid;
  uid_t f_uid;
  int f_fd;
  void* f_file;
  short f_type;
  int f_count;
  int f_msgcount;
  off_t f_offset;
  void* f_data;
  uint32_t f_flag;
};

/* f_type */
#define DTYPE_VNODE 1
#define DTYPE_SOCKET 2
#define DTYPE_PIPE 3
#define DTYPE_FIFO 4
#define DTYPE_KQUEUE 5
/* f_flag */
#define FREAD 0x0001
#define FWRITE 0x0002

/* kp_auxflags */
#define KI_CTTY 1
#define KI_SLEADER 2

#ifndef NODEV
#define NODEV 0xffffffffU /* of kp_tdev's width */
#endif

/* Operations of kvm_getprocs */
#define KERN_PROC_ALL 0
#define KERN_PROC_PID 1
#define KERN_PROC_PGRP 2
#define KERN_PROC_SESSION 3
#define KERN_PROC_TTY 4
#define KERN_PROC_UID 5
#define KERN_PROC_RUID 6
#define KERN_PROC_ARGS 7
#define KERN_PROC_CWD 8
#define KERN_PROC_PATHNAME 9
#define KERN_PROC_SIGTRAMP 10
#define KERN_PROC_FLAGMASK 0xf0
#define KERN_PROC_FLAG_LWP 0x10
#define KERN_PROC_FLAG_LWKT 0x20

#ifdef __cplusplus
}
#endif

#endif
