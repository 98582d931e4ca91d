#pragma once

#include "native/libkvm/handle.h"

namespace panicroom::kvm {

/// The arguments of an opening function, as C code gave them.
struct Opening {
  Face face = Face::common;
  const char* execfile = nullptr;  ///< the kernel; null: the dump's own symbols, where it has them
  const char* corefile = nullptr;  ///< null: the running system
  int flags = 0;
  Resolver resolver;
};

/// kvm_open: errors of the opening are printed after `errstr`, unless that is null.
__kvm* open_printing(const Opening& opening, const char* errstr);
/// kvm_openfiles, kvm_open2: errors go to `errbuf` of error_size bytes, unless that is null.
__kvm* open_quietly(const Opening& opening, char* errbuf);

}  // namespace panicroom::kvm
