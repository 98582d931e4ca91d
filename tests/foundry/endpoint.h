#pragma once

#include <cstdint>
#include <string>

namespace foundry {

struct Endpoint {
  std::uint8_t bytes[16] = {};
  std::uint16_t port = 0;
};

/// "1.2.3.4:80", "[::1]:80", "[fe80::2]:*": an address as it lies in an inpcb; `mapped_four`:
/// IPv4's, in the last four bytes.
Endpoint endpoint_of(const std::string& text, bool mapped_four);

}  // namespace foundry
