// The names of libfbsdvmcore (fvc.h), which reads FreeBSD's dumps off their host; LLDB used it.
#include "native/libkvm/include/panicroom/fbsdvmcore/fvc.h"

#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/open.h"

namespace kvm = panicroom::kvm;

namespace {

/// The handle under the name that programs of libfbsdvmcore have for it.
kvm_t* handle_of(fvc_t* kd) { return reinterpret_cast<kvm_t*>(kd); }

}  // namespace

fvc_t* fvc_open(const char* execfile, const char* corefile, char* errbuf,
                int (*resolver)(const char*, fvc_addr_t*, void*), void* resolver_data) {
  kvm::Opening opening{kvm::Face::freebsd, execfile, corefile, 0, {}};
  if (resolver != nullptr)
    opening.resolver = [=](const char* name) -> std::optional<std::uint64_t> {
      fvc_addr_t address = 0;
      return resolver(name, &address, resolver_data) == 0 ? std::optional(address) : std::nullopt;
    };
  return reinterpret_cast<fvc_t*>(kvm::open_quietly(opening, errbuf));
}

int fvc_close(fvc_t* kd) { return kvm_close(handle_of(kd)); }
char* fvc_geterr(fvc_t* kd) { return kvm_geterr(handle_of(kd)); }
int fvc_native(fvc_t* kd) { return kvm_native(handle_of(kd)); }
ssize_t fvc_kerndisp(fvc_t* kd) { return static_cast<ssize_t>(kvm_kerndisp(handle_of(kd))); }

ssize_t fvc_read(fvc_t* kd, fvc_addr_t addr, void* buf, size_t nbytes) {
  return kvm_read2(handle_of(kd), addr, buf, nbytes);
}
