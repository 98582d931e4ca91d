#include "core/kernel/freebsd/sockets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/kernel/texts.h"

namespace panicroom::freebsd {
namespace {

// FreeBSD sys/sys/socket.h, sys/netinet/in.h.
constexpr std::uint64_t family_unix = 1, family_four = 2, family_six = 28;
constexpr std::uint64_t option_accepts = 0x2;         // SO_ACCEPTCONN
constexpr std::uint64_t state_connected = 0x2;        // SS_ISCONNECTED, sys/sys/socketvar.h
constexpr std::uint64_t version_six = 0x2;            // INP_IPV6, sys/netinet/in_pcb.h
constexpr std::uint64_t protocol_six = 0x4;           // INP_IPV6PROTO: made as a socket of IPv6
constexpr std::uint64_t flag_time_wait = 0x01000000;  // INP_TIMEWAIT, until FreeBSD 13
constexpr std::uint64_t four_within_six = 12;         // in_addr_4in6: an IPv4 address comes last

// TCPS_*, sys/netinet/tcp_fsm.h, by the names that Linux's table has too.
constexpr std::array<std::string_view, 11> tcp_states = {
    "close",     "listen",  "syn_sent", "syn_recv",  "established", "close_wait",
    "fin_wait1", "closing", "last_ack", "fin_wait2", "time_wait"};
constexpr std::size_t state_time_wait = 10;

std::string protocol_name(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  switch (family) {
    case family_unix:
      return unix_protocol(type);
    case family_four:
    case family_six:
      return internet_protocol(family == family_six, type, protocol);
    case 17:
      return "route";
    case 38:
      return "netlink";
    default:
      return fmt::format("family {}", family);
  }
}

}  // namespace

std::optional<std::string> SocketsReader::internet_address(std::uint64_t pcb, const Field& address,
                                                           const Field& port, bool six,
                                                           Notes& notes) {
  const auto at = noted(address.place(evidence_, pcb), notes, "a socket's address");
  const auto number = get(port, pcb, notes);
  if (!at || !number) return std::nullopt;
  return internet_endpoint(evidence_.memory(), *at + (six ? 0 : four_within_six), six,
                           port_of(evidence_.memory(), *number), notes);
}

void SocketsReader::read_internet(std::uint64_t pcb, Socket& socket, Notes& notes) {
  // An IPv6 socket may have an IPv4 address: it then has the flag of IPv4 alone. With both it is
  // bound to all addresses of either.
  const auto versions = get(versions_, pcb, notes);
  if (!versions) return;
  const bool six = (*versions & version_six) != 0;
  socket.local = internet_address(pcb, near_, port_, six, notes);
  socket.remote = internet_address(pcb, far_, far_port_, six, notes);
}

std::optional<std::string> SocketsReader::tcp_state(std::uint64_t pcb, Notes& notes) {
  std::uint64_t control = 0;
  if (tcp_.exists(evidence_)) {
    // FreeBSD 14 gave up struct tcptw, which stood there in place of a tcpcb.
    if (flags_.exists(evidence_)) {
      const auto flags = get(flags_, pcb, notes);
      if (!flags) return std::nullopt;
      if ((*flags & flag_time_wait) != 0) return std::string(tcp_states[state_time_wait]);
    }
    control = get(tcp_, pcb, notes).value_or(0);
    if (control == 0) return std::nullopt;
  } else {
    // Since FreeBSD 14 the inpcb lies within the tcpcb.
    const auto own = noted(own_pcb_.member(evidence_), notes, "a socket");
    if (!own) return std::nullopt;
    control = pcb - own->offset;
  }
  const auto state = get(tcp_state_, control, notes);
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
  describe(socket, notes);
  return socket;
}

Socket SocketsReader::read(std::uint64_t address, std::uint64_t pcb, Notes& notes) {
  Socket socket;
  socket.address = address != 0 ? address : pcb;
  if (address != 0) {
    describe(socket, notes);
    return socket;
  }
  if (const auto versions = get(versions_, pcb, notes))
    socket.protocol =
        internet_protocol((*versions & protocol_six) != 0, stream_socket, tcp_protocol);
  read_internet(pcb, socket, notes);
  socket.state = tcp_state(pcb, notes);
  socket.received = socket.sent = 0;
  return socket;
}

void SocketsReader::describe(Socket& socket, Notes& notes) {
  const std::uint64_t address = socket.address;
  const auto type = get(type_, address, notes), options = get(options_, address, notes);
  const auto protocol = get(protocol_, address, notes);
  if (!type || !protocol || *protocol == 0) return;
  const auto number = get(number_, *protocol, notes), domain = get(domain_, *protocol, notes);
  const auto family =
      domain && *domain != 0 ? get(family_, *domain, notes) : std::optional<std::uint64_t>();
  if (!number || !family) return;
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
  if (!pcb || *pcb == 0) return;
  if (*family == family_four || *family == family_six) {
    read_internet(*pcb, socket, notes);
    if (*number == tcp_protocol && *type == stream_socket) socket.state = tcp_state(*pcb, notes);
  } else if (*family == family_unix) {
    socket.local = local_address(*pcb, notes);
    if (const auto peer = get(peer_, *pcb, notes); peer && *peer != 0)
      socket.remote = local_address(*peer, notes);
  }
}

}  // namespace panicroom::freebsd
