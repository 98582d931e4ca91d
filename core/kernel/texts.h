#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/kernel.h"

namespace panicroom {

// What both systems' readers tell in the same words. Types of sockets and numbers of protocols are
// the same in both (SOCK_*, IPPROTO_*).

constexpr std::uint64_t stream_socket = 1;
constexpr std::uint64_t tcp_protocol = 6;

/// "unix stream".
std::string unix_protocol(std::uint64_t type);
/// "tcp", "udp6", "raw 1"; `six` for IPv6.
std::string internet_protocol(bool six, std::uint64_t type, std::uint64_t protocol);
/// "127.0.0.1:80", "[::1]:*": the address's bytes lie at `at`. Nothing, with a note, where they
/// cannot be read.
std::optional<std::string> internet_endpoint(AddressSpace& memory, std::uint64_t at, bool six,
                                             std::uint16_t port, Notes& notes);
/// A port that was read as a number from the network's byte order.
std::uint16_t port_of(const AddressSpace& memory, std::uint64_t number);

/// The texts that each end with a NUL; the last may lack it.
std::vector<std::string> split_at_nuls(std::string_view bytes);

}  // namespace panicroom
