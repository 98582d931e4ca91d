/* kvm(3) of the BSDs, what they have in common, for any dump on any host; see kvm(3) of this
   package. Records of processes and files differ between the systems: put the directory of one of
   them (panicroom/freebsd, netbsd, openbsd, dragonfly, illumos) in front to have them. */
#ifndef PANICROOM_COMMON_KVM_H
#define PANICROOM_COMMON_KVM_H

#include <sys/types.h>

#include "../bsd_kvm.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Opens no file: nothing can be asked of a dead kernel through such a handle. */
#define KVM_NO_FILES (-0x7fffffff - 1) /* 0x80000000 */

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr);
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
