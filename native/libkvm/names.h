#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "native/libkvm/handle.h"

namespace panicroom::kvm {

/// A name of an nlist and what it stands for.
struct Found {
  std::uint64_t address = 0;
  unsigned char type = 0;  ///< N_TEXT, N_DATA, N_BSS or N_ABS of <nlist.h>, with N_EXT
};

/// Looks up the names that C programs give kvm_nlist(3), in their order: the name itself, then
/// without its leading underscore; a processor's or a network stack's own variable is that of
/// Handle::cpu, of the host. A resolver (kvm_open2) is asked in the kernel file's place. Nothing,
/// with a hard error, when there are no symbols at all.
std::optional<std::vector<std::optional<Found>>> look_up(Handle& handle,
                                                         const std::vector<const char*>& names);

}  // namespace panicroom::kvm
