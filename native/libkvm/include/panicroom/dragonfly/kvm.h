/* kvm(3) of DragonFly, for any dump on any host; see kvm(3) of this package. */
#ifndef PANICROOM_DRAGONFLY_KVM_H
#define PANICROOM_DRAGONFLY_KVM_H

#include <sys/types.h>

#include "../bsd_kvm.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Binds a function whose prototype or first answer is the system's own to the library's name for
 * it. */
#define PANICROOM_KVM_FACE(name) __asm__(name "_dragonfly")

struct kinfo_file;
struct kinfo_proc;

struct kvm_swap {
  char ksw_devname[64];
  unsigned int ksw_used; /* pages */
  unsigned int ksw_total;
  int ksw_flags;
  unsigned int ksw_reserved1;
  unsigned int ksw_reserved2;
};
#define SWIF_DEV_PREFIX 0x0002
#define SWIF_DUMP_TREE 0x0001

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr) PANICROOM_KVM_FACE("kvm_open");
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf) PANICROOM_KVM_FACE("kvm_openfiles");

char* kvm_readstr(kvm_t* kd, unsigned long addr, char* buf, size_t* lenp);
ssize_t kvm_uread(kvm_t* kd, pid_t pid, unsigned long addr, char* buf, size_t nbytes)
    PANICROOM_KVM_FACE("kvm_uread");
struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, int* cnt)
    PANICROOM_KVM_FACE("kvm_getprocs");
char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getargv");
char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getenvv");
int kvm_getswapinfo(kvm_t* kd, struct kvm_swap* swap, int maxswap, int flags)
    PANICROOM_KVM_FACE("kvm_getswapinfo");
struct kinfo_file* kvm_getfiles(kvm_t* kd, int op, int arg, int* cnt)
    PANICROOM_KVM_FACE("kvm_getfiles");

#undef PANICROOM_KVM_FACE
#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
