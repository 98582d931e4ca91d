#include "core/kernel/openbsd/sockets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/kernel/texts.h"

namespace panicroom::openbsd {
namespace {

// sys/sys/socket.h: AF_*, SO_ACCEPTCONN; sys/sys/socketvar.h: SS_ISCONNECTED; sys/netinet/in_pcb.h:
// INP_IPV6.
constexpr std::uint64_t family_unix = 1, family_four = 2, family_six = 24;
constexpr std::uint64_t option_accepts = 0x2, state_connected = 0x2, flag_six = 0x100;
// struct sockaddr_un, sys/sys/un.h: its length, the family, then the path.
constexpr std::uint64_t path_in_address = 2, longest_path = 104;

// TCPS_*, sys/netinet/tcp_fsm.h, by the names that Linux's table has too.
constexpr std::array<std::string_view, 11> tcp_states = {
    "close",     "listen",  "syn_sent", "syn_recv",  "established", "close_wait",
    "fin_wait1", "closing", "last_ack", "fin_wait2", "time_wait"};

std::string protocol_name(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  switch (family) {
    case family_unix:
      return unix_protocol(type);
    case family_four:
    case family_six:
      return internet_protocol(family == family_six, type, protocol);
    case 17:
      return "route";
    default:
      return fmt::format("family {}", family);
  }
}

}  // namespace

void SocketsReader::read_internet(std::uint64_t pcb, Socket& socket, Notes& notes) {
  const auto flags = get(flags_, pcb, notes);
  if (!flags) return;
  const bool six = (*flags & flag_six) != 0;
  const auto endpoint = [&](const Field& address, const Field& port) -> std::optional<std::string> {
    const auto at = noted(address.place(evidence_, pcb), notes, "a socket's address");
    const auto number = get(port, pcb, notes);
    if (!at || !number) return std::nullopt;
    return internet_endpoint(evidence_.memory(), *at, six, port_of(evidence_.memory(), *number),
                             notes);
  };
  socket.local = endpoint(six ? near_six_ : near_four_, port_);
  socket.remote = endpoint(six ? far_six_ : far_four_, far_port_);
}

std::optional<std::string> SocketsReader::tcp_state(std::uint64_t pcb, Notes& notes) {
  const auto control = get(tcp_, pcb, notes);
  if (!control || *control == 0) return std::nullopt;
  const auto state = get(tcp_state_, *control, notes);
  if (!state) return std::nullopt;
  if (*state < tcp_states.size()) return std::string(tcp_states[static_cast<std::size_t>(*state)]);
  notes.add(Note{ErrorCode::corrupt, fmt::format("a TCP connection's state is {}", *state), pcb});
  return std::nullopt;
}

/// The address lies in a buffer of the network's (struct mbuf).
std::optional<std::string> SocketsReader::local_address(std::uint64_t pcb, Notes& notes) {
  const auto buffer = get(local_address_, pcb, notes);
  if (!buffer || *buffer == 0) return std::nullopt;
  const auto address = get(buffer_, *buffer, notes);
  if (!address || *address == 0) return std::nullopt;
  const auto length = noted(evidence_.memory().u8(*address), notes, "a socket's name");
  if (!length || *length <= path_in_address) return std::nullopt;
  const std::uint64_t most = std::min<std::uint64_t>(*length - path_in_address, longest_path);
  return noted(
      evidence_.memory().string(*address + path_in_address, static_cast<std::size_t>(most)), notes,
      "a socket's name");
}

Socket SocketsReader::read(const OpenFile& file, std::uint64_t address, Notes& notes) {
  Socket socket;
  socket.pid = file.pid;
  socket.process = file.process;
  socket.descriptor = file.descriptor;
  socket.address = address;
  const auto type = get(type_, address, notes);
  const auto protocol = get(protocol_, address, notes);
  if (!type || !protocol || *protocol == 0) return socket;
  const auto number = get(number_, *protocol, notes);
  const auto domain = get(domain_, *protocol, notes);
  if (!number || !domain || *domain == 0) return socket;
  const auto family = get(family_, *domain, notes);
  if (!family) return socket;
  socket.protocol = protocol_name(*family, *type, *number);
  socket.received = get(received_, address, notes);
  socket.sent = get(sent_, address, notes);
  const auto pcb = get(pcb_, address, notes);
  const auto state = get(state_, address, notes);
  const auto options = get(options_, address, notes);
  if (options && (*options & option_accepts) != 0)
    socket.state = "listen";
  else if (state)
    socket.state = (*state & state_connected) != 0 ? "connected" : "unconnected";
  if (!pcb || *pcb == 0) return socket;
  if (*family == family_four || *family == family_six) {
    read_internet(*pcb, socket, notes);
    if (*type == stream_socket && *number == tcp_protocol) socket.state = tcp_state(*pcb, notes);
  } else if (*family == family_unix) {
    socket.local = local_address(*pcb, notes);
    if (const auto peer = get(peer_, *pcb, notes); peer && *peer != 0)
      socket.remote = local_address(*peer, notes);
  }
  return socket;
}

}  // namespace panicroom::openbsd
