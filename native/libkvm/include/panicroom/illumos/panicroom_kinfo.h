/* What kvm(3KVM) of this face hands out of a process. The members are those that the interface
   documents; their places are this library's own, because the kernel's proc_t and user_t differ
   from release to release. */
#ifndef PANICROOM_ILLUMOS_KINFO_H
#define PANICROOM_ILLUMOS_KINFO_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of the dead kernel: never followed, only compared and given back. */
struct as;
struct pid;

#define MAXCOMLEN 16
#define PSARGSZ 80

typedef struct user {
  int u_argc;                 /* once kvm_getu has been asked; 0 where the dump has no arguments */
  char u_comm[MAXCOMLEN + 1]; /* the command's name */
  char u_psargs[PSARGSZ];     /* the command's words, as far as there is room */
} user_t;

typedef struct proc {
  struct as* p_as;     /* of its address space, for kvm_physaddr */
  struct proc* p_next; /* of the next process, in the dead kernel */
  struct pid* p_pidp;
  pid_t p_pid; /* pid_id of what p_pidp points to */
  pid_t p_ppid;
  unsigned int p_flag;
  unsigned int p_model; /* DATAMODEL_ILP32 or DATAMODEL_LP64 */
  uintptr_t p_usrstack;
  char p_stat; /* SSLEEP to SWAIT */
  struct user p_user;
} proc_t;

/* p_stat: uts/common/sys/proc.h */
#define SSLEEP 1
#define SRUN 2
#define SZOMB 3
#define SSTOP 4
#define SIDL 5
#define SONPROC 6
#define SWAIT 7
/* p_flag, p_model: uts/common/sys/proc.h, model.h */
#define SSYS 0x00000001
#define DATAMODEL_ILP32 0x00100000
#define DATAMODEL_LP64 0x00200000

#ifdef __cplusplus
}
#endif

#endif
