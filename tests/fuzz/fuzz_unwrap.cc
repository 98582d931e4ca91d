// Flattened, gzip and zstd wrappings: what opens must read, the same at any second time.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/io/unwrap.h"

using namespace panicroom;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                               reinterpret_cast<const std::byte*>(data + size));
  // A bomb may decode to anything; a user would cancel it too.
  int steps = 0;
  const auto opened = unwrap(memory_source("fuzz", std::move(bytes)),
                             [&](std::uint64_t, std::uint64_t) { return ++steps < 64; });
  if (!opened) {
    if (opened.error().text.empty()) std::abort();
    return 0;
  }
  const ByteSource& source = *opened->source;
  const std::uint64_t end = source.size();
  std::vector<std::byte> first(static_cast<std::size_t>(std::min<std::uint64_t>(end, 70000)));
  for (const std::uint64_t offset : {std::uint64_t{0}, end / 2, end - first.size()}) {
    const std::size_t length =
        static_cast<std::size_t>(std::min<std::uint64_t>(first.size(), end - offset));
    const MutableBytes once = MutableBytes(first).first(length);
    const auto read = source.read(offset, once);
    std::vector<std::byte> second(length);
    if (source.read(offset, second).has_value() != read.has_value()) std::abort();
    if (read && !std::equal(second.begin(), second.end(), once.begin())) std::abort();
    const Bytes view = source.view(offset, length);
    if (read && !view.empty() && !std::equal(view.begin(), view.end(), once.begin())) std::abort();
  }
  std::byte beyond;
  if (source.read(end, MutableBytes(&beyond, 1))) std::abort();
  return 0;
}
