// What all systems' kvm(3) share: closing, errors, the kernel's memory and its symbols.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "native/libkvm/handle.h"
#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/names.h"

namespace kvm = panicroom::kvm;

namespace {

/// kvm_nlist and kvm_nlist2: entries until one without a name. The number of those not found.
template <class Entry>
int list_names(kvm::Handle& handle, Entry* entries) {
  std::vector<const char*> names;
  for (const Entry* entry = entries; entry->n_name != nullptr && *entry->n_name != '\0'; ++entry)
    names.push_back(entry->n_name);
  const auto found = kvm::look_up(handle, names);
  if (!found) return -1;
  int missing = 0;
  for (std::size_t index = 0; index < names.size(); ++index) {
    const auto& one = (*found)[index];
    if (!one) ++missing;
    Entry& entry = entries[index];
    entry.n_type = one ? one->type : 0;
    entry.n_value = static_cast<decltype(entry.n_value)>(one ? one->address : 0);
    if constexpr (requires { entry.n_desc; }) {
      entry.n_other = 0;
      entry.n_desc = 0;
    }
  }
  return missing;
}

panicroom::Architecture host_architecture() {
#if defined(__x86_64__)
  return panicroom::Architecture::x86_64;
#elif defined(__aarch64__)
  return panicroom::Architecture::aarch64;
#elif defined(__i386__)
  return panicroom::Architecture::i386;
#else
  return panicroom::Architecture::unknown;
#endif
}

}  // namespace

int kvm_close(kvm_t* kd) {
  if (kd == nullptr) {
    errno = EINVAL;
    return -1;
  }
  delete kd;
  return 0;
}

char* kvm_geterr(kvm_t* kd) {
  static char nothing[] = "";
  return kd == nullptr ? nothing : kd->error();
}

ssize_t kvm_read2(kvm_t* kd, kvaddr_t addr, void* buf, size_t nbytes) {
  return kvm::answer<ssize_t>(kd, -1,
                              [&](kvm::Handle& handle) { return handle.read(addr, buf, nbytes); });
}

ssize_t kvm_read(kvm_t* kd, unsigned long addr, void* buf, size_t nbytes) {
  return kvm_read2(kd, addr, buf, nbytes);
}

ssize_t kvm_write(kvm_t* kd, unsigned long, const void*, size_t) {
  kd->hard("kvm_write not implemented for dead kernels");
  return -1;
}

int kvm_nlist(kvm_t* kd, struct nlist* nl) {
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) { return list_names(handle, nl); });
}

int kvm_nlist2(kvm_t* kd, struct kvm_nlist* nl) {
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) { return list_names(handle, nl); });
}

int kvm_native(kvm_t* kd) {
  return kvm::answer<int>(kd, 0, [](kvm::Handle& handle) {
    panicroom::Session* const session = handle.session();
    if (session == nullptr) return 0;
    const panicroom::Machine& machine = session->dump().machine;
    return int{machine.architecture == host_architecture() &&
               machine.pointer_size == sizeof(void*) && machine.order == std::endian::native};
  });
}

kssize_t kvm_kerndisp(kvm_t* kd) {
  return kvm::answer<kssize_t>(kd, 0, [](kvm::Handle& handle) -> kssize_t {
    panicroom::Kernel* const kernel = handle.kernel();
    if (kernel == nullptr) return 0;
    panicroom::Notes notes;
    return static_cast<kssize_t>(kernel->identity(notes).kernel_slide.value_or(0));
  });
}
