#include "tests/foundry/endpoint.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <vector>

namespace foundry {

Endpoint endpoint_of(const std::string& text, bool mapped_four) {
  Endpoint out;
  const std::size_t colon = text.rfind(':');
  const std::string port = text.substr(colon + 1);
  out.port = port == "*" ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoul(port));
  if (mapped_four) {
    unsigned parts[4] = {};
    if (std::sscanf(text.c_str(), "%u.%u.%u.%u", &parts[0], &parts[1], &parts[2], &parts[3]) != 4)
      throw std::runtime_error("not an address: " + text);
    for (int i = 0; i < 4; ++i) out.bytes[12 + i] = static_cast<std::uint8_t>(parts[i]);
    return out;
  }
  // Groups of hexadecimal digits before and after a "::".
  const std::string inside = text.substr(1, text.find(']') - 1);
  const std::size_t gap = inside.find("::");
  const auto groups = [](const std::string& part) {
    std::vector<unsigned long> found;
    for (std::size_t at = 0; at < part.size();) {
      const std::size_t end = std::min(part.find(':', at), part.size());
      found.push_back(std::stoul(part.substr(at, end - at), nullptr, 16));
      at = end + 1;
    }
    return found;
  };
  const auto front = groups(inside.substr(0, gap));
  const auto back =
      gap == std::string::npos ? std::vector<unsigned long>{} : groups(inside.substr(gap + 2));
  const auto put_at = [&](std::size_t index, unsigned long value) {
    out.bytes[2 * index] = static_cast<std::uint8_t>(value / 256);
    out.bytes[2 * index + 1] = static_cast<std::uint8_t>(value % 256);
  };
  for (std::size_t i = 0; i < front.size(); ++i) put_at(i, front[i]);
  for (std::size_t i = 0; i < back.size(); ++i) put_at(8 - back.size() + i, back[i]);
  return out;
}

}  // namespace foundry
