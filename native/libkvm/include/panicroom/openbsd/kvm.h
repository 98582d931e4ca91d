/* kvm(3) of OpenBSD, for any dump on any host; see kvm(3) of this package. */
#ifndef PANICROOM_OPENBSD_KVM_H
#define PANICROOM_OPENBSD_KVM_H

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
#define PANICROOM_KVM_FACE(name) __asm__(name "_openbsd")

struct kinfo_file;
struct kinfo_proc;

/* Opens no file: nothing can be asked of a dead kernel through such a handle. */
#define KVM_NO_FILES (-0x7fffffff - 1) /* 0x80000000 */

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr) PANICROOM_KVM_FACE("kvm_open");
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf) PANICROOM_KVM_FACE("kvm_openfiles");

struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, size_t elemsize, int* cnt)
    PANICROOM_KVM_FACE("kvm_getprocs");
char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getargv");
char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getenvv");
struct kinfo_file* kvm_getfiles(kvm_t* kd, int op, int arg, size_t elemsize, int* cnt)
    PANICROOM_KVM_FACE("kvm_getfiles");

#undef PANICROOM_KVM_FACE
#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
