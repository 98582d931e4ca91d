// The default face: what the BSDs have in common.
#include "native/libkvm/include/panicroom/common/kvm.h"
#include "native/libkvm/open.h"

namespace kvm = panicroom::kvm;

kvm_t* kvm_open(const char* execfile, const char* corefile, const char*, int flags,
                const char* errstr) {
  return kvm::open_printing({kvm::Face::common, execfile, corefile, flags, {}}, errstr);
}

kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char*, int flags,
                     char* errbuf) {
  return kvm::open_quietly({kvm::Face::common, execfile, corefile, flags, {}}, errbuf);
}
