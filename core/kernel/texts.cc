#include "core/kernel/texts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>

namespace panicroom {
namespace {

constexpr std::uint64_t datagram_socket = 2, raw_socket = 3;
constexpr std::uint64_t udp_protocol = 17;

}  // namespace

std::string unix_protocol(std::uint64_t type) {
  return type == stream_socket     ? "unix stream"
         : type == datagram_socket ? "unix datagram"
                                   : "unix seqpacket";
}

std::string internet_protocol(bool six, std::uint64_t type, std::uint64_t protocol) {
  const std::string_view version = six ? "6" : "";
  if (protocol == tcp_protocol && type == stream_socket) return fmt::format("tcp{}", version);
  if (protocol == udp_protocol && type == datagram_socket) return fmt::format("udp{}", version);
  return fmt::format("{}{} {}", type == raw_socket ? "raw" : "ip", version, protocol);
}

std::optional<std::string> internet_endpoint(AddressSpace& memory, std::uint64_t at, bool six,
                                             std::uint16_t port, Notes& notes) {
  std::array<std::byte, 16> bytes{};
  if (const auto read = memory.read(at, MutableBytes(bytes).first(six ? 16 : 4)); !read) {
    notes.add(read.error().within("a socket's address"));
    return std::nullopt;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(six ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size()) == nullptr)
    return std::nullopt;
  const std::string number = port == 0 ? "*" : fmt::format("{}", port);
  return six ? fmt::format("[{}]:{}", text.data(), number)
             : fmt::format("{}:{}", text.data(), number);
}

std::uint16_t port_of(const AddressSpace& memory, std::uint64_t number) {
  const auto port = static_cast<std::uint16_t>(number);
  return memory.machine().order == std::endian::little
             ? static_cast<std::uint16_t>(port << 8 | port >> 8)
             : port;
}

std::vector<std::string> split_at_nuls(std::string_view bytes) {
  std::vector<std::string> texts;
  while (!bytes.empty()) {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    texts.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return texts;
}

}  // namespace panicroom
