#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace panicroom::test {

/// Bytes put together one by one, little-endian.
class Assembly {
 public:
  Assembly& number(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i)
      bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
    return *this;
  }
  Assembly& u8(std::uint64_t value) { return number(value, 1); }
  Assembly& u32(std::uint64_t value) { return number(value, 4); }
  Assembly& u64(std::uint64_t value) { return number(value, 8); }
  Assembly& uleb(std::uint64_t value) {
    do {
      const std::uint64_t low = value & 0x7f;
      value >>= 7;
      u8(low | (value != 0 ? 0x80U : 0U));
    } while (value != 0);
    return *this;
  }
  Assembly& sleb(std::int64_t value) {
    for (;;) {
      const auto low = static_cast<std::uint64_t>(value) & 0x7f;
      value >>= 7;
      const bool last = (value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0);
      u8(low | (last ? 0U : 0x80U));
      if (last) return *this;
    }
  }
  Assembly& text(std::string_view value) {
    for (const char letter : value) u8(static_cast<unsigned char>(letter));
    return u8(0);
  }
  Assembly& all(std::initializer_list<int> values) {
    for (const int value : values) u8(static_cast<unsigned>(value));
    return *this;
  }
  Assembly& append(const std::vector<std::byte>& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  std::vector<std::byte> bytes;
};

/// An entry of .debug_frame or .eh_frame with its length before it.
inline std::vector<std::byte> cfi_entry(std::vector<std::byte> body, bool wide = false) {
  while (body.size() % 8 != (wide ? 0U : 4U)) body.push_back(std::byte{0});  // DW_CFA_nop
  Assembly entry;
  if (wide)
    entry.u32(0xffffffff).u64(body.size());
  else
    entry.u32(body.size());
  return entry.append(body).bytes;
}

}  // namespace panicroom::test
