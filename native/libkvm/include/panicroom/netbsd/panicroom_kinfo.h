/* Records that kvm(3) of this face hands out, and their numbers. Layout: NetBSD 7.99,
 * sys/sys/sysctl.h, sys/sys/proc.h, sys/sys/lwp.h. */
#ifndef PANICROOM_NETBSD_KINFO_H
#define PANICROOM_NETBSD_KINFO_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct panicroom_sigset16 {
  uint32_t __bits[4];
};

struct kinfo_proc2 {
  uint64_t p_forw;
  uint64_t p_back;
  uint64_t p_paddr;
  uint64_t p_addr;
  uint64_t p_fd;
  uint64_t p_cwdi;
  uint64_t p_stats;
  uint64_t p_limit;
  uint64_t p_vmspace;
  uint64_t p_sigacts;
  uint64_t p_sess;
  uint64_t p_tsess;
  uint64_t p_ru;
  int32_t p_eflag;
  int32_t p_exitsig;
  int32_t p_flag;
  int32_t p_pid;
  int32_t p_ppid;
  int32_t p_sid;
  int32_t p__pgid;
  int32_t p_tpgid;
  uint32_t p_uid;
  uint32_t p_ruid;
  uint32_t p_gid;
  uint32_t p_rgid;
  uint32_t p_groups[16];
  int16_t p_ngroups;
  int16_t p_jobc;
  uint32_t p_tdev;
  uint32_t p_estcpu;
  uint32_t p_rtime_sec;
  uint32_t p_rtime_usec;
  int32_t p_cpticks;
  uint32_t p_pctcpu;
  uint32_t p_swtime;
  uint32_t p_slptime;
  int32_t p_schedflags;
  uint64_t p_uticks;
  uint64_t p_sticks;
  uint64_t p_iticks;
  uint64_t p_tracep;
  int32_t p_traceflag;
  int32_t p_holdcnt;
  struct panicroom_sigset16 p_siglist;
  struct panicroom_sigset16 p_sigmask;
  struct panicroom_sigset16 p_sigignore;
  struct panicroom_sigset16 p_sigcatch;
  int8_t p_stat;
  uint8_t p_priority;
  uint8_t p_usrpri;
  uint8_t p_nice;
  uint16_t p_xstat;
  uint16_t p_acflag;
  char p_comm[24];
  char p_wmesg[8];
  uint64_t p_wchan;
  char p_login[24];
  int32_t p_vm_rssize;
  int32_t p_vm_tsize;
  int32_t p_vm_dsize;
  int32_t p_vm_ssize;
  int64_t p_uvalid;
  uint32_t p_ustart_sec;
  uint32_t p_ustart_usec;
  uint32_t p_uutime_sec;
  uint32_t p_uutime_usec;
  uint32_t p_ustime_sec;
  uint32_t p_ustime_usec;
  uint64_t p_uru_maxrss;
  uint64_t p_uru_ixrss;
  uint64_t p_uru_idrss;
  uint64_t p_uru_isrss;
  uint64_t p_uru_minflt;
  uint64_t p_uru_majflt;
  uint64_t p_uru_nswap;
  uint64_t p_uru_inblock;
  uint64_t p_uru_oublock;
  uint64_t p_uru_msgsnd;
  uint64_t p_uru_msgrcv;
  uint64_t p_uru_nsignals;
  uint64_t p_uru_nvcsw;
  uint64_t p_uru_nivcsw;
  uint32_t p_uctime_sec;
  uint32_t p_uctime_usec;
  uint64_t p_cpuid;
  uint64_t p_realflag;
  uint64_t p_nlwps;
  uint64_t p_nrlwps;
  uint64_t p_realstat;
  uint32_t p_svuid;
  uint32_t p_svgid;
  char p_ename[16];
  int64_t p_vm_vsize;
  int64_t p_vm_msize;
};

struct kinfo_lwp {
  uint64_t l_forw;
  uint64_t l_back;
  uint64_t l_laddr;
  uint64_t l_addr;
  int32_t l_lid;
  int32_t l_flag;
  uint32_t l_swtime;
  uint32_t l_slptime;
  int32_t l_schedflags;
  int32_t l_holdcnt;
  uint8_t l_priority;
  uint8_t l_usrpri;
  int8_t l_stat;
  int8_t l_pad1;
  int32_t l_pad2;
  char l_wmesg[8];
  uint64_t l_wchan;
  uint64_t l_cpuid;
  uint32_t l_rtime_sec;
  uint32_t l_rtime_usec;
  int32_t l_cpticks;
  uint32_t l_pctcpu;
  int32_t l_pid;
  char l_name[20];
};

/* p_eflag */
#define EPROC_CTTY 0x01
#define EPROC_SLEADER 0x02
#define KI_NOCPU (~(uint64_t)0)

/* p_realstat */
#define SIDL 1
#define SACTIVE 2
#define SDYING 3
#define SSTOP 4
#define SZOMB 5
#define SDEAD 6
/* p_stat, l_stat */
#define LSIDL 1
#define LSRUN 2
#define LSSLEEP 3
#define LSSTOP 4
#define LSZOMB 5
#define LSDEAD 6
#define LSONPROC 7
#define LSSUSPENDED 8

/* Operations of kvm_getproc2 */
#define KERN_PROC_ALL 0
#define KERN_PROC_PID 1
#define KERN_PROC_PGRP 2
#define KERN_PROC_SESSION 3
#define KERN_PROC_TTY 4
#define KERN_PROC_UID 5
#define KERN_PROC_RUID 6
#define KERN_PROC_GID 7
#define KERN_PROC_RGID 8
/* Arguments of KERN_PROC_TTY, of p_tdev's width */
#define KERN_PROC_TTY_NODEV 0xffffffffU
#define KERN_PROC_TTY_REVOKE 0xfffffffeU

#ifdef __cplusplus
}
#endif

#endif
