#include <algorithm>
#include <map>

#include "tests/foundry/illumos_dump.h"

// Encoding: the comment at the head of illumos-gate usr/src/uts/common/os/compress.c.

namespace foundry {

Blob lzjb(const Blob& plain) {
  Blob out;
  std::map<std::uint32_t, std::size_t> seen;  // three bytes -> where they stood last
  std::size_t flags = 0;
  unsigned item = 8;
  for (std::size_t at = 0; at < plain.size();) {
    if (item == 8) {
      flags = out.size();
      out.push_back(0);
      item = 0;
    }
    std::size_t length = 0, distance = 0;
    if (at + 3 <= plain.size()) {
      const std::uint32_t key = std::uint32_t{plain[at]} | std::uint32_t{plain[at + 1]} << 8U |
                                std::uint32_t{plain[at + 2]} << 16U;
      if (const auto found = seen.find(key); found != seen.end() && at - found->second < 1024) {
        distance = at - found->second;
        while (length < 66 && at + length < plain.size() &&
               plain[at + length] == plain[found->second + length])
          ++length;
      }
      seen[key] = at;
    }
    if (length >= 3) {
      out[flags] |= static_cast<std::uint8_t>(1U << item);
      out.push_back(static_cast<std::uint8_t>((length - 3) << 2U | distance >> 8U));
      out.push_back(static_cast<std::uint8_t>(distance & 0xffU));
      at += length;
    } else {
      out.push_back(plain[at++]);
    }
    ++item;
  }
  return out.size() < plain.size() ? out : plain;
}

}  // namespace foundry
