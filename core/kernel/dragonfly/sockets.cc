#include "core/kernel/dragonfly/sockets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/kernel/texts.h"

namespace panicroom::dragonfly {
namespace {

// sys/sys/socket.h, sys/sys/socketvar.h.
constexpr std::uint64_t family_unix = 1, family_four = 2, family_six = 28, family_route = 17;
constexpr std::uint64_t option_accepts = 0x2;   // SO_ACCEPTCONN
constexpr std::uint64_t state_connected = 0x2;  // SS_ISCONNECTED
constexpr std::uint64_t four_within_six = 12;   // in_addr_4in6: an IPv4 address comes last

// TCPS_*, sys/netinet/tcp_fsm.h, by the names that Linux's table has too. The first is one that
// ends (TCPS_TERMINATING).
constexpr std::array<std::string_view, 12> tcp_states = {
    "terminating", "close",     "listen",  "syn_sent", "syn_recv",  "established",
    "close_wait",  "fin_wait1", "closing", "last_ack", "fin_wait2", "time_wait"};

std::string protocol_name(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  switch (family) {
    case family_unix:
      return unix_protocol(type);
    case family_four:
    case family_six:
      return internet_protocol(family == family_six, type, protocol);
    case family_route:
      return "route";
    default:
      return fmt::format("family {}", family);
  }
}

}  // namespace

void SocketsReader::read_internet(std::uint64_t pcb, Socket& socket, Notes& notes) {
  const auto family = get(family_of_pcb_, pcb, notes);
  if (!family) return;
  const bool six = *family == family_six;
  const auto endpoint = [&](const Field& address, const Field& port) -> std::optional<std::string> {
    const auto at = noted(address.place(evidence_, pcb), notes, "a socket's address");
    const auto number = get(port, pcb, notes);
    if (!at || !number) return std::nullopt;
    return internet_endpoint(evidence_.memory(), *at + (six ? 0 : four_within_six), six,
                             port_of(evidence_.memory(), *number), notes);
  };
  socket.local = endpoint(near_, port_);
  socket.remote = endpoint(far_, far_port_);
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

std::optional<std::string> SocketsReader::local_address(std::uint64_t pcb, Notes& notes) {
  const auto address = get(local_address_, pcb, notes);
  if (!address || *address == 0) return std::nullopt;
  const auto length = get(address_length_, *address, notes);
  const auto path = noted(path_.member(evidence_), notes, "a socket's name");
  if (!length || !path || *length <= path->offset) return std::nullopt;
  const std::uint64_t most = std::min(*length - path->offset, path->size);
  return noted(evidence_.memory().string(*address + path->offset, static_cast<std::size_t>(most)),
               notes, "a socket's name");
}

Socket SocketsReader::read(const OpenFile& file, std::uint64_t address, Notes& notes) {
  Socket socket;
  socket.pid = file.pid;
  socket.process = file.process;
  socket.descriptor = file.descriptor;
  socket.address = address;
  const auto type = get(type_, address, notes), options = get(options_, address, notes);
  const auto protocol = get(protocol_, address, notes);
  if (!type || !protocol || *protocol == 0) return socket;
  const auto number = get(number_, *protocol, notes), domain = get(domain_, *protocol, notes);
  const auto family =
      domain && *domain != 0 ? get(family_, *domain, notes) : std::optional<std::uint64_t>();
  if (!number || !family) return socket;
  socket.protocol = protocol_name(*family, *type, *number);
  const bool listens = options && (*options & option_accepts) != 0;
  if (listens) {
    socket.received = get(waiting_, address, notes);
    socket.sent = 0;
  } else {
    socket.received = get(received_, address, notes);
    socket.sent = get(sent_, address, notes);
  }
  const auto state = get(state_, address, notes);
  if (listens)
    socket.state = "listen";
  else if (state)
    socket.state = (*state & state_connected) != 0 ? "connected" : "unconnected";
  const auto pcb = get(pcb_, address, notes);
  if (!pcb || *pcb == 0) return socket;
  if (*family == family_four || *family == family_six) {
    read_internet(*pcb, socket, notes);
    if (*number == tcp_protocol && *type == stream_socket) socket.state = tcp_state(*pcb, notes);
  } else if (*family == family_unix) {
    socket.local = local_address(*pcb, notes);
    if (const auto peer = get(peer_, *pcb, notes); peer && *peer != 0)
      socket.remote = local_address(*peer, notes);
  }
  return socket;
}

}  // namespace panicroom::dragonfly
