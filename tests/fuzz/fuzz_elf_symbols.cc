// Input: a kernel file.
#include <algorithm>
#include <span>
#include <vector>

#include "core/symbols/elf_symbols.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom;
  if (size > (std::size_t{1} << 20)) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  const auto kernel = read_kernel_file(
      memory_source("fuzz", std::vector<std::byte>(input.begin(), input.end())), 0x1000000);
  if (!kernel) return 0;
  const auto all = kernel->symbols->all();
  for (const Symbol& symbol : all.first(std::min<std::size_t>(64, all.size()))) {
    static_cast<void>(kernel->symbols->find(symbol.name));
    static_cast<void>(kernel->symbols->at(symbol.address + symbol.size));
  }
  return 0;
}
