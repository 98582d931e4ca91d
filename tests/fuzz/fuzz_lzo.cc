// The LZO decoder on anything, and against liblzo2's verdict and output.
#include <lzo/lzo1x.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/io/lzo.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first byte chooses the page's size; sizes that do not fit must be refused.
  if (size == 0) return 0;
  const std::size_t room = data[0] < 128 ? data[0] : (data[0] - std::size_t{127}) * 512;
  const std::vector<std::byte> stored(reinterpret_cast<const std::byte*>(data + 1),
                                      reinterpret_cast<const std::byte*>(data + size));
  std::vector<std::byte> ours(room);
  const bool decoded = panicroom::decode_lzo1x(stored, ours).has_value();

  std::vector<std::byte> theirs(room);
  lzo_uint length = room;
  const bool peer =
      lzo1x_decompress_safe(data + 1, size - 1, reinterpret_cast<unsigned char*>(theirs.data()),
                            &length, nullptr) == LZO_E_OK &&
      length == room;
  if (decoded != peer || (decoded && ours != theirs)) std::abort();
  return 0;
}
