// The names of libfbsdvmcore (fvc.h), which reads FreeBSD's dumps off their host; LLDB used it.
#include "native/libkvm/include/panicroom/fbsdvmcore/fvc.h"

#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/open.h"

namespace kvm = panicroom::kvm;

namespace {

/// The handle under the name that programs of libfbsdvmcore have for it.
kvm_t* handle_of(fvc_t* kd) { return reinterpret_cast<kvm_t*>(kd); }

/// The caller's callback, for pages under their other name.
struct Callback {
  fvc_walk_pages_cb_t* call;
  void* arg;
};
int pass_on(struct kvm_page* page, void* to) {
  const auto& callback = *static_cast<Callback*>(to);
  struct fvc_page same {};
  same.kp_version = LIBFVC_WALK_PAGES_VERSION;
  same.kp_paddr = page->kp_paddr;
  same.kp_kmap_vaddr = page->kp_kmap_vaddr;
  same.kp_dmap_vaddr = page->kp_dmap_vaddr;
  same.kp_prot = page->kp_prot;
  same.kp_offset = page->kp_offset;
  same.kp_len = page->kp_len;
  return callback.call(&same, callback.arg);
}

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

int fvc_walk_pages(fvc_t* kd, fvc_walk_pages_cb_t* callback, void* arg) {
  Callback both{callback, arg};
  return kvm_walk_pages(handle_of(kd), pass_on, &both);
}
