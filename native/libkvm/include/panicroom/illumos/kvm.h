/* kvm(3) of illumos, for any dump on any host; see kvm(3) of this package. */
#ifndef PANICROOM_ILLUMOS_KVM_H
#define PANICROOM_ILLUMOS_KVM_H

#include <stdint.h>
#include <sys/types.h>

#include "nlist.h"
#include "panicroom_kinfo.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Binds a function whose prototype or first answer is the system's own to the library's name for
 * it. */
#define PANICROOM_KVM_FACE(name) __asm__(name "_illumos")

typedef struct _kvmd kvm_t;

kvm_t* kvm_open(const char* namelist, const char* corefile, const char* swapfile, int flag,
                const char* errstr) PANICROOM_KVM_FACE("kvm_open");
int kvm_close(kvm_t* kd);
int kvm_nlist(kvm_t* kd, struct nlist nl[]) PANICROOM_KVM_FACE("kvm_nlist");
const char* kvm_namelist(kvm_t* kd);

ssize_t kvm_read(kvm_t* kd, uintptr_t addr, void* buf, size_t nbytes);
ssize_t kvm_kread(kvm_t* kd, uintptr_t addr, void* buf, size_t nbytes);
ssize_t kvm_uread(kvm_t* kd, uintptr_t addr, void* buf, size_t nbytes)
    PANICROOM_KVM_FACE("kvm_uread");
ssize_t kvm_pread(kvm_t* kd, uint64_t addr, void* buf, size_t nbytes);
ssize_t kvm_write(kvm_t* kd, uintptr_t addr, const void* buf, size_t nbytes);
ssize_t kvm_kwrite(kvm_t* kd, uintptr_t addr, const void* buf, size_t nbytes);
uint64_t kvm_physaddr(kvm_t* kd, struct as* as, uintptr_t addr);

proc_t* kvm_getproc(kvm_t* kd, pid_t pid);
proc_t* kvm_nextproc(kvm_t* kd);
int kvm_setproc(kvm_t* kd);
user_t* kvm_getu(kvm_t* kd, proc_t* proc);
int kvm_getcmd(kvm_t* kd, proc_t* proc, user_t* u, char*** arg, char*** env);

#undef PANICROOM_KVM_FACE
#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
