/* kvm(3) of the BSDs, what they have in common, for any dump on any host; see kvm(3) of this
   package. Records of processes and files differ between the systems: put the directory of one of
   them (panicroom/freebsd, netbsd, openbsd, dragonfly, illumos) in front to have them. */
#ifndef PANICROOM_COMMON_KVM_H
#define PANICROOM_COMMON_KVM_H

#include <sys/types.h>

#include "../bsd_nlist.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

typedef struct __kvm kvm_t;

#define VRS_SYM "_version"
#define VRS_KEY "VERSION"
/* Opens no file: nothing can be asked of a dead kernel through such a handle. */
#define KVM_NO_FILES (-0x7fffffff - 1) /* 0x80000000 */

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr);
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf);
int kvm_close(kvm_t* kd);
char* kvm_geterr(kvm_t* kd);

ssize_t kvm_read(kvm_t* kd, unsigned long addr, void* buf, size_t nbytes);
ssize_t kvm_write(kvm_t* kd, unsigned long addr, const void* buf, size_t nbytes);
int kvm_nlist(kvm_t* kd, struct nlist* nl);
int kvm_getloadavg(kvm_t* kd, double loadavg[], int nelem);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
