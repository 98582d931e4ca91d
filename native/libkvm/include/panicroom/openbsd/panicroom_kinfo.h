/* Records that kvm(3) of this face hands out, and their numbers. Layout: OpenBSD 7,
 * sys/sys/sysctl.h, sys/sys/proc.h. */
#ifndef PANICROOM_OPENBSD_KINFO_H
#define PANICROOM_OPENBSD_KINFO_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kinfo_proc {
  uint64_t p_forw;
  uint64_t p_back;
  uint64_t p_paddr;
  uint64_t p_addr;
  uint64_t p_fd;
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
  uint32_t p_siglist;
  uint32_t p_sigmask;
  uint32_t p_sigignore;
  uint32_t p_sigcatch;
  int8_t p_stat;
  uint8_t p_priority;
  uint8_t p_usrpri;
  uint8_t p_nice;
  uint16_t p_xstat;
  uint16_t p_spare;
  char p_comm[24];
  char p_wmesg[8];
  uint64_t p_wchan;
  char p_login[32];
  int32_t p_vm_rssize;
  int32_t p_vm_tsize;
  int32_t p_vm_dsize;
  int32_t p_vm_ssize;
  int64_t p_uvalid;
  uint64_t p_ustart_sec;
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
  uint32_t p_psflags;
  uint32_t p_acflag;
  uint32_t p_svuid;
  uint32_t p_svgid;
  char p_emul[8];
  uint64_t p_rlim_rss_cur;
  uint64_t p_cpuid;
  uint64_t p_vm_map_size;
  int32_t p_tid;
  uint32_t p_rtableid;
  uint64_t p_pledge;
  char p_name[24];
};

struct kinfo_file {
  uint64_t f_fileaddr;
  uint32_t f_flag;
  uint32_t f_iflags;
  uint32_t f_type;
  uint32_t f_count;
  uint32_t f_msgcount;
  uint32_t f_usecount;
  uint64_t f_ucred;
  uint32_t f_uid;
  uint32_t f_gid;
  uint64_t f_ops;
  uint64_t f_offset;
  uint64_t f_data;
  uint64_t f_rxfer;
  uint64_t f_rwfer;
  uint64_t f_seek;
  uint64_t f_rbytes;
  uint64_t f_wbytes;
  uint64_t v_un;
  uint32_t v_type;
  uint32_t v_tag;
  uint32_t v_flag;
  uint32_t va_rdev;
  uint64_t v_data;
  uint64_t v_mount;
  uint64_t va_fileid;
  uint64_t va_size;
  uint32_t va_mode;
  uint32_t va_fsid;
  char f_mntonname[96];
  uint32_t so_type;
  uint32_t so_state;
  uint64_t so_pcb;
  uint32_t so_protocol;
  uint32_t so_family;
  uint64_t inp_ppcb;
  uint32_t inp_lport;
  uint32_t inp_laddru[4];
  uint32_t inp_fport;
  uint32_t inp_faddru[4];
  uint64_t unp_conn;
  uint64_t pipe_peer;
  uint32_t pipe_state;
  uint32_t kq_count;
  uint32_t kq_state;
  uint32_t __unused1;
  int32_t p_pid;
  int32_t fd_fd;
  uint32_t fd_ofileflags;
  uint32_t p_uid;
  uint32_t p_gid;
  int32_t p_tid;
  char p_comm[24];
  uint32_t inp_rtableid;
  uint64_t so_splice;
  int64_t so_splicelen;
  uint64_t so_rcv_cc;
  uint64_t so_snd_cc;
  uint64_t unp_refs;
  uint64_t unp_nextref;
  uint64_t unp_addr;
  char unp_path[104];
  uint32_t inp_proto;
  uint32_t t_state;
  uint64_t t_rcv_wnd;
  uint64_t t_snd_wnd;
  uint64_t t_snd_cwnd;
  uint32_t va_nlink;
};

/* f_type */
#define DTYPE_VNODE 1
#define DTYPE_SOCKET 2
#define DTYPE_PIPE 3
#define DTYPE_KQUEUE 4
#define DTYPE_DMABUF 5
/* f_flag */
#define FREAD 0x0001
#define FWRITE 0x0002

/* Operations of kvm_getfiles */
#define KERN_FILE_BYFILE 1
#define KERN_FILE_BYPID 2
#define KERN_FILE_BYUID 3
/* fd_fd of what is no descriptor */
#define KERN_FILE_TEXT (-1)
#define KERN_FILE_CDIR (-2)
#define KERN_FILE_RDIR (-3)
#define KERN_FILE_TRACE (-4)

/* p_eflag */
#define EPROC_CTTY 0x01
#define EPROC_SLEADER 0x02
#define EPROC_UNVEIL 0x04
#define EPROC_LKUNVEIL 0x08
#define KI_NOCPU (~(uint64_t)0)

/* p_stat */
#define SIDL 1
#define SRUN 2
#define SSLEEP 3
#define SSTOP 4
#define SZOMB 5
#define SDEAD 6
#define SONPROC 7
#define THREAD_PID_OFFSET 100000

/* Operations of kvm_getprocs */
#define KERN_PROC_ALL 0
#define KERN_PROC_PID 1
#define KERN_PROC_PGRP 2
#define KERN_PROC_SESSION 3
#define KERN_PROC_TTY 4
#define KERN_PROC_UID 5
#define KERN_PROC_RUID 6
#define KERN_PROC_KTHREAD 7
#define KERN_PROC_SHOW_THREADS 0x40000000

#ifdef __cplusplus
}
#endif

#endif
