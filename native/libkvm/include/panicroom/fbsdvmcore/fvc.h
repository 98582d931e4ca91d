/* The functions of libfbsdvmcore, for any dump on any host. */
#ifndef PANICROOM_FVC_H
#define PANICROOM_FVC_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

typedef struct __fvc fvc_t;
typedef uint64_t fvc_addr_t;
typedef unsigned char fvc_vm_prot_t;
#define FVC_VM_PROT_READ ((fvc_vm_prot_t)0x01)
#define FVC_VM_PROT_WRITE ((fvc_vm_prot_t)0x02)
#define FVC_VM_PROT_EXECUTE ((fvc_vm_prot_t)0x04)

/* As struct kvm_page of FreeBSD's <kvm.h>. */
struct fvc_page {
  unsigned int kp_version;
  fvc_addr_t kp_paddr;
  fvc_addr_t kp_kmap_vaddr;
  fvc_addr_t kp_dmap_vaddr;
  fvc_vm_prot_t kp_prot;
  off_t kp_offset;
  size_t kp_len;
};
#define LIBFVC_WALK_PAGES_VERSION 2
typedef int fvc_walk_pages_cb_t(struct fvc_page* page, void* arg);

fvc_t* fvc_open(const char* execfile, const char* corefile, char* errbuf,
                int (*resolver)(const char* name, fvc_addr_t* addr, void* data),
                void* resolver_data);
int fvc_close(fvc_t* kd);
char* fvc_geterr(fvc_t* kd);
int fvc_native(fvc_t* kd);
ssize_t fvc_kerndisp(fvc_t* kd);
int fvc_walk_pages(fvc_t* kd, fvc_walk_pages_cb_t* callback, void* arg);
ssize_t fvc_read(fvc_t* kd, fvc_addr_t addr, void* buf, size_t nbytes);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
