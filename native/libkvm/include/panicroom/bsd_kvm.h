/* What kvm(3) of all BSDs has alike. */
#ifndef PANICROOM_BSD_KVM_H
#define PANICROOM_BSD_KVM_H

#include <sys/types.h>

#include "bsd_nlist.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

typedef struct __kvm kvm_t;

#define VRS_SYM "_version"
#define VRS_KEY "VERSION"

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
