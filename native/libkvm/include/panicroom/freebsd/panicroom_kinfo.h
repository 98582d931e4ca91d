/* Records that kvm(3) of this face hands out, and their numbers. Layout: FreeBSD 12 and 13,
 * sys/sys/user.h, sys/sys/proc.h, sys/sys/sysctl.h. */
#ifndef PANICROOM_FREEBSD_KINFO_H
#define PANICROOM_FREEBSD_KINFO_H

#include <stddef.h>
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

struct priority {
  unsigned char pri_class;
  unsigned char pri_level;
  unsigned char pri_native;
  unsigned char pri_user;
};
#define PRI_ITHD 1
#define PRI_REALTIME 2
#define PRI_TIMESHARE 3
#define PRI_IDLE 4

struct filedesc;
struct pargs;
struct pcb;
struct proc;
struct thread;
struct user;
struct vmspace;
struct vnode;

struct kinfo_proc {
  int ki_structsize;
  int ki_layout;
  struct pargs* ki_args;
  struct proc* ki_paddr;
  struct user* ki_addr;
  struct vnode* ki_tracep;
  struct vnode* ki_textvp;
  struct filedesc* ki_fd;
  struct vmspace* ki_vmspace;
  const void* ki_wchan;
  pid_t ki_pid;
  pid_t ki_ppid;
  pid_t ki_pgid;
  pid_t ki_tpgid;
  pid_t ki_sid;
  pid_t ki_tsid;
  short ki_jobc;
  uint32_t ki_tdev_freebsd11;
  struct panicroom_sigset16 ki_siglist;
  struct panicroom_sigset16 ki_sigmask;
  struct panicroom_sigset16 ki_sigignore;
  struct panicroom_sigset16 ki_sigcatch;
  uid_t ki_uid;
  uid_t ki_ruid;
  uid_t ki_svuid;
  gid_t ki_rgid;
  gid_t ki_svgid;
  short ki_ngroups;
  gid_t ki_groups[16];
  uint64_t ki_size;
  int64_t ki_rssize;
  int64_t ki_swrss;
  int64_t ki_tsize;
  int64_t ki_dsize;
  int64_t ki_ssize;
  uint16_t ki_xstat;
  uint16_t ki_acflag;
  uint32_t ki_pctcpu;
  uint32_t ki_estcpu;
  uint32_t ki_slptime;
  uint32_t ki_swtime;
  uint32_t ki_cow;
  uint64_t ki_runtime;
  struct timeval ki_start;
  struct timeval ki_childtime;
  long ki_flag;
  long ki_kiflag;
  int ki_traceflag;
  char ki_stat;
  signed char ki_nice;
  char ki_lock;
  char ki_rqindex;
  unsigned char ki_oncpu_old;
  unsigned char ki_lastcpu_old;
  char ki_tdname[17];
  char ki_wmesg[9];
  char ki_login[18];
  char ki_lockname[9];
  char ki_comm[20];
  char ki_emul[17];
  char ki_loginclass[18];
  char ki_moretdname[4];
  char ki_sparestrings[46];
  int ki_spareints[2];
  uint64_t ki_tdev;
  int ki_oncpu;
  int ki_lastcpu;
  int ki_tracer;
  int ki_flag2;
  int ki_fibnum;
  uint32_t ki_cr_flags;
  int ki_jid;
  int ki_numthreads;
  lwpid_t ki_tid;
  struct priority ki_pri;
  struct rusage ki_rusage;
  struct rusage ki_rusage_ch;
  struct pcb* ki_pcb;
  void* ki_kstack;
  void* ki_udata;
  struct thread* ki_tdaddr;
  void* ki_spareptrs[6];
  long ki_sparelongs[12];
  long ki_sflag;
  long ki_tdflags;
};
#define KINFO_PROC_SIZE 1088

/* FreeBSD 12, sys/sys/file.h: an open descriptor. */
struct xfile {
  size_t xf_size;
  pid_t xf_pid;
  uid_t xf_uid;
  int xf_fd;
  void* xf_file;
  short xf_type;
  int xf_count;
  int xf_msgcount;
  off_t xf_offset;
  void* xf_data;
  void* xf_vnode;
  unsigned int xf_flag;
  int xf_spare_int;
  int64_t xf_spare[6];
};
/* xf_type */
#define DTYPE_VNODE 1
#define DTYPE_SOCKET 2
#define DTYPE_PIPE 3
#define DTYPE_FIFO 4
#define DTYPE_KQUEUE 5
#define DTYPE_SHM 8
#define DTYPE_SEM 9
#define DTYPE_PTS 10
/* xf_flag */
#define FREAD 0x0001
#define FWRITE 0x0002

/* ki_kiflag */
#define KI_CTTY 0x00000001
#define KI_SLEADER 0x00000002
#define KI_LOCKBLOCK 0x00000004
/* ki_cr_flags */
#define KI_CRF_CAPABILITY_MODE 0x00000001
#define KI_CRF_GRP_OVERFLOW 0x80000000

/* ki_stat */
#define SIDL 1
#define SRUN 2
#define SSLEEP 3
#define SSTOP 4
#define SZOMB 5
#define SWAIT 6
#define SLOCK 7

#ifndef NODEV
#define NODEV UINT64_MAX
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
#define KERN_PROC_PROC 8
#define KERN_PROC_SV_NAME 9
#define KERN_PROC_RGID 10
#define KERN_PROC_GID 11
#define KERN_PROC_PATHNAME 12
#define KERN_PROC_INC_THREAD 0x10

#ifdef __cplusplus
}
#endif

#endif
