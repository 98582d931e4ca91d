/* The functions of libfbsdvmcore, for any dump on any host. fvc_walk_pages is not among them. */
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

fvc_t* fvc_open(const char* execfile, const char* corefile, char* errbuf,
                int (*resolver)(const char* name, fvc_addr_t* addr, void* data),
                void* resolver_data);
int fvc_close(fvc_t* kd);
char* fvc_geterr(fvc_t* kd);
int fvc_native(fvc_t* kd);
ssize_t fvc_kerndisp(fvc_t* kd);
ssize_t fvc_read(fvc_t* kd, fvc_addr_t addr, void* buf, size_t nbytes);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
