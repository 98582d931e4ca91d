/* kvm(3) of NetBSD, for any dump on any host; see kvm(3) of this package. */
#ifndef PANICROOM_NETBSD_KVM_H
#define PANICROOM_NETBSD_KVM_H

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
#define PANICROOM_KVM_FACE(name) __asm__(name "_netbsd")

struct kinfo_lwp;
struct kinfo_proc2;

/* Opens no file: nothing can be asked of a dead kernel through such a handle. */
#define KVM_NO_FILES (-0x7fffffff - 1) /* 0x80000000 */

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr) PANICROOM_KVM_FACE("kvm_open");
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf) PANICROOM_KVM_FACE("kvm_openfiles");

const char* kvm_getkernelname(kvm_t* kd);

struct kinfo_proc2* kvm_getproc2(kvm_t* kd, int op, int arg, size_t elemsize, int* cnt);
struct kinfo_lwp* kvm_getlwps(kvm_t* kd, int pid, unsigned long procaddr, size_t elemsize,
                              int* cnt);
char** kvm_getargv2(kvm_t* kd, const struct kinfo_proc2* kp, int nchr);
char** kvm_getenvv2(kvm_t* kd, const struct kinfo_proc2* kp, int nchr);

#undef PANICROOM_KVM_FACE
#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
