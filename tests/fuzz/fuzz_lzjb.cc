// The lzjb decoder on anything, and on what the foundry's encoder makes of it.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/io/lzjb.h"
#include "tests/foundry/illumos_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses the page's size; sizes that do not fit must be refused.
  const std::size_t room = data[0] < 128 ? data[0] : (data[0] - std::size_t{127}) * 512;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> stored(bytes + 1, bytes + size);
  std::vector<std::byte> out(room);
  std::size_t produced = 0;
  const bool decoded = panicroom::decode_lzjb(stored, out, &produced).has_value();
  if (produced > room || (decoded && produced != room)) std::abort();

  const foundry::Blob plain(data + 1, data + size);
  const foundry::Blob made = foundry::lzjb(plain);
  const auto* from = reinterpret_cast<const std::byte*>(made.data());
  std::vector<std::byte> again(plain.size());
  if (!panicroom::decode_lzjb({from, made.size()}, again) || again != stored) std::abort();
  return 0;
}
