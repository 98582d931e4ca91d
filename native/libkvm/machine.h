#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "native/libkvm/handle.h"

namespace panicroom::kvm {

/// A device or file of swap space; in pages of the dead machine.
struct SwapDevice {
  std::string name;
  std::uint64_t used = 0, total = 0;
};

/// Copies text into a member of characters, cut to its size, NUL-terminated, the rest zero.
template <std::size_t size>
void copy_text(char (&to)[size], std::string_view text) {
  const std::size_t length = std::min(text.size(), size - 1);
  std::fill(std::copy_n(text.data(), length, to), to + size, '\0');
}

/// kvm_getswapinfo(3): gives `put` each device as far as there is room, then their total, whose
/// index is the answer; -1 with a hard error. `with_prefix`: devices are named with their /dev/.
int list_swap(Handle& handle, int room, bool with_prefix,
              const std::function<void(std::size_t index, const SwapDevice&)>& put);

}  // namespace panicroom::kvm
