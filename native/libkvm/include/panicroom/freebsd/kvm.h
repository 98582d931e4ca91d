/* kvm(3) of FreeBSD, for any dump on any host; see kvm(3) of this package. */
#ifndef PANICROOM_FREEBSD_KVM_H
#define PANICROOM_FREEBSD_KVM_H

#include <stdint.h>
#include <sys/types.h>

#include "../bsd_nlist.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#pragma GCC diagnostic push
/* To C++, kvm_nlist() hides the constructor of struct kvm_nlist. */
#pragma GCC diagnostic ignored "-Wshadow"
#endif

/* Binds a function whose prototype or first answer is the system's own to the library's name for
 * it. */
#define PANICROOM_KVM_FACE(name) __asm__(name "_freebsd")

typedef struct __kvm kvm_t;
typedef uint64_t kvaddr_t;
typedef int64_t kssize_t;

struct kinfo_proc;
struct proc;

#define VRS_SYM "_version"
#define VRS_KEY "VERSION"

struct kvm_nlist {
  const char* n_name;
  unsigned char n_type;
  kvaddr_t n_value;
};

struct kvm_swap {
  char ksw_devname[32];
  unsigned int ksw_used; /* pages */
  unsigned int ksw_total;
  int ksw_flags;
  unsigned int ksw_reserved1;
  unsigned int ksw_reserved2;
};
#define SWIF_DEV_PREFIX 0x0002

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr) PANICROOM_KVM_FACE("kvm_open");
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf) PANICROOM_KVM_FACE("kvm_openfiles");
int kvm_close(kvm_t* kd);
char* kvm_geterr(kvm_t* kd);

ssize_t kvm_read(kvm_t* kd, unsigned long addr, void* buf, size_t nbytes);
ssize_t kvm_write(kvm_t* kd, unsigned long addr, const void* buf, size_t nbytes);
int kvm_nlist(kvm_t* kd, struct nlist* nl);
int kvm_getloadavg(kvm_t* kd, double loadavg[], int nelem);
kvm_t* kvm_open2(const char* execfile, const char* corefile, int flags, char* errbuf,
                 int (*resolver)(const char* name, kvaddr_t* addr));
int kvm_native(kvm_t* kd);
kssize_t kvm_kerndisp(kvm_t* kd);

ssize_t kvm_read2(kvm_t* kd, kvaddr_t addr, void* buf, size_t nbytes);
ssize_t kvm_uread(kvm_t* kd, const struct kinfo_proc* kp, unsigned long addr, char* buf,
                  size_t nbytes) PANICROOM_KVM_FACE("kvm_uread");
int kvm_nlist2(kvm_t* kd, struct kvm_nlist* nl);

struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, int* cnt)
    PANICROOM_KVM_FACE("kvm_getprocs");
char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getargv");
char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getenvv");
int kvm_getswapinfo(kvm_t* kd, struct kvm_swap* swap, int maxswap, int flags);

int kvm_getcptime(kvm_t* kd, long* cp_time);
int kvm_getmaxcpu(kvm_t* kd);
int kvm_getncpus(kvm_t* kd);
int kvm_dpcpu_setcpu(kvm_t* kd, unsigned int cpu);

#undef PANICROOM_KVM_FACE
#ifdef __GNUC__
#pragma GCC diagnostic pop
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
