/* kvm(3) of FreeBSD, for any dump on any host; see kvm(3) of this package. */
#ifndef PANICROOM_FREEBSD_KVM_H
#define PANICROOM_FREEBSD_KVM_H

#include <stdint.h>
#include <sys/types.h>

#include "../bsd_kvm.h"

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

typedef uint64_t kvaddr_t;
typedef uint64_t kpaddr_t;
typedef int64_t kssize_t;
#ifndef VM_H
typedef unsigned char vm_prot_t;
#endif

struct kinfo_proc;
struct proc;

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

/* A page of the kernel's map, or of the dump without a place there. */
struct kvm_page {
  unsigned int kp_version;
  kpaddr_t kp_paddr;
  kvaddr_t kp_kmap_vaddr; /* 0: the kernel's map does not hold it */
  kvaddr_t kp_dmap_vaddr; /* 0: the direct map does not hold it */
  vm_prot_t kp_prot;      /* 1 to read, 2 to write, 4 to execute */
  off_t kp_offset;        /* in the dump, without what it is compressed with; -1: not there */
  size_t kp_len;
};
#define LIBKVM_WALK_PAGES_VERSION 2
typedef int kvm_walk_pages_cb_t(struct kvm_page* page, void* arg);

kvm_t* kvm_open(const char* execfile, const char* corefile, const char* swapfile, int flags,
                const char* errstr) PANICROOM_KVM_FACE("kvm_open");
kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char* swapfile, int flags,
                     char* errbuf) PANICROOM_KVM_FACE("kvm_openfiles");

kvm_t* kvm_open2(const char* execfile, const char* corefile, int flags, char* errbuf,
                 int (*resolver)(const char* name, kvaddr_t* addr));
int kvm_native(kvm_t* kd);
kssize_t kvm_kerndisp(kvm_t* kd);

ssize_t kvm_read2(kvm_t* kd, kvaddr_t addr, void* buf, size_t nbytes);
ssize_t kvm_uread(kvm_t* kd, const struct kinfo_proc* kp, unsigned long addr, char* buf,
                  size_t nbytes) PANICROOM_KVM_FACE("kvm_uread");
int kvm_nlist2(kvm_t* kd, struct kvm_nlist* nl);
int kvm_walk_pages(kvm_t* kd, kvm_walk_pages_cb_t* callback, void* arg);

struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, int* cnt)
    PANICROOM_KVM_FACE("kvm_getprocs");
char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getargv");
char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr)
    PANICROOM_KVM_FACE("kvm_getenvv");
/* An array of struct xfile. */
char* kvm_getfiles(kvm_t* kd, int op, int arg, int* cnt) PANICROOM_KVM_FACE("kvm_getfiles");
int kvm_getswapinfo(kvm_t* kd, struct kvm_swap* swap, int maxswap, int flags);

int kvm_getcptime(kvm_t* kd, long* cp_time);
int kvm_getmaxcpu(kvm_t* kd);
int kvm_getncpus(kvm_t* kd);
int kvm_dpcpu_setcpu(kvm_t* kd, unsigned int cpu);
void* kvm_getpcpu(kvm_t* kd, int cpu);
ssize_t kvm_read_zpcpu(kvm_t* kd, unsigned long base, void* buf, size_t size, int cpu);
uint64_t kvm_counter_u64_fetch(kvm_t* kd, unsigned long base);

#undef PANICROOM_KVM_FACE
#ifdef __GNUC__
#pragma GCC diagnostic pop
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
