#include "core/kernel/linux/sockets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/kernel/texts.h"

namespace panicroom::linux_kernel {
namespace {

// Linux include/linux/socket.h and net.h, uapi/linux/in.h.
constexpr std::uint64_t family_unix = 1, family_four = 2, family_six = 10, family_netlink = 16,
                        family_packet = 17;
constexpr std::uint64_t type_sequenced = 5;
// Linux include/net/tcp_states.h
constexpr std::uint64_t established = 1, time_wait = 6, listening = 10, new_syn_received = 12;
constexpr std::array<std::string_view, 13> tcp_states = {
    "",      "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
    "close", "close_wait",  "last_ack", "listen",   "closing",   "syn_recv"};
constexpr std::uint64_t family_bytes = 2;    // of sockaddr_un, before the path
constexpr std::uint64_t longest_path = 128;  // sockaddr_un has 108

std::string protocol_name(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  switch (family) {
    case family_unix:
      return unix_protocol(type);
    case family_four:
    case family_six:
      return internet_protocol(family == family_six, type, protocol);
    case family_netlink:
      return "netlink";
    case family_packet:
      return "packet";
    default:
      return fmt::format("family {}{}", family, type == type_sequenced ? " seqpacket" : "");
  }
}

}  // namespace

std::optional<std::string> SocketsReader::internet_address(std::uint64_t sock, const Field& four,
                                                           const Field& six, bool is_six,
                                                           std::uint16_t port, Notes& notes) {
  const auto at = noted((is_six ? six : four).place(evidence_, sock), notes, "a socket's address");
  if (!at) return std::nullopt;
  return internet_endpoint(evidence_.memory(), *at, is_six, port, notes);
}

void SocketsReader::read_internet(std::uint64_t sock, bool six, Socket& socket, Notes& notes) {
  const auto port = get(port_, sock, notes), far_port = get(far_port_, sock, notes);
  if (port)
    socket.local =
        internet_address(sock, near_, near_six_, six, static_cast<std::uint16_t>(*port), notes);
  if (!far_port) return;
  socket.remote =
      internet_address(sock, far_, far_six_, six, port_of(evidence_.memory(), *far_port), notes);
}

void SocketsReader::read_local(std::uint64_t sock, Socket& socket, Notes& notes) {
  const auto address = get(local_address_, sock, notes);
  if (!address || *address == 0) return;
  const auto length = get(address_length_, *address, notes);
  const auto name = noted(address_name_.place(evidence_, *address), notes, "a socket's name");
  if (!length || !name || *length <= family_bytes) return;
  std::string path(static_cast<std::size_t>(std::min(*length - family_bytes, longest_path)), '\0');
  const auto read = evidence_.memory().read(
      *name + family_bytes, MutableBytes(reinterpret_cast<std::byte*>(path.data()), path.size()));
  if (!read) {
    notes.add(read.error().within("a socket's name"));
    return;
  }
  // An abstract name begins with a zero, which /proc shows as an @; a path ends with one.
  if (path.front() == '\0')
    path.front() = '@';
  else
    path.resize(std::min(path.find('\0'), path.size()));
  socket.local = std::move(path);
}

void SocketsReader::read_queues(std::uint64_t sock, bool tcp, bool listens, Socket& socket,
                                Notes& notes) {
  if (tcp && listens) {
    socket.received = get(backlog_, sock, notes);
    socket.sent = 0;
    return;
  }
  const auto difference = [](std::uint64_t end, std::uint64_t begin) -> std::uint64_t {
    const auto bytes = static_cast<std::int32_t>(static_cast<std::uint32_t>(end - begin));
    return static_cast<std::uint64_t>(std::max(bytes, 0));
  };
  if (tcp) {
    const auto next = get(next_received_, sock, notes), copied = get(copied_, sock, notes);
    const auto written = get(written_, sock, notes), known = get(unacknowledged_, sock, notes);
    if (next && copied) socket.received = difference(*next, *copied);
    if (written && known) socket.sent = difference(*written, *known);
    return;
  }
  socket.received = get(received_, sock, notes);
  // The count begins with one of the socket's own.
  if (const auto sent = get(sent_, sock, notes)) socket.sent = *sent == 0 ? 0 : *sent - 1;
}

std::optional<Socket> SocketsReader::read(const OpenFile& file, Notes& notes) {
  const auto holder = get(private_, file.address, notes);
  if (!holder || *holder == 0) return std::nullopt;
  const auto sock = get(sock_, *holder, notes);
  if (!sock || *sock == 0) return std::nullopt;
  Socket socket;
  socket.pid = file.pid;
  socket.process = file.process;
  socket.descriptor = file.descriptor;
  socket.inode = file.inode;
  socket.address = *sock;
  describe(socket, notes);
  return socket;
}

Socket SocketsReader::read(std::uint64_t sock, Notes& notes) {
  Socket socket;
  socket.address = sock;
  const auto family = get(family_, sock, notes), state = get(state_, sock, notes);
  // Of these there is no more than a struct sock_common.
  if (state == time_wait || state == new_syn_received) {
    const bool six = family == family_six;
    socket.protocol = six ? "tcp6" : "tcp";
    socket.state = tcp_states[static_cast<std::size_t>(*state)];
    read_internet(sock, six, socket, notes);
    socket.received = socket.sent = 0;
    return socket;
  }
  if (const auto holder = get(holder_, sock, notes); holder && *holder != 0)
    socket.inode = get(inode_, *holder, notes);
  describe(socket, notes);
  return socket;
}

void SocketsReader::describe(Socket& socket, Notes& notes) {
  const std::uint64_t sock = socket.address;
  const auto family = get(family_, sock, notes), state = get(state_, sock, notes);
  const auto type = get(type_, sock, notes), protocol = get(protocol_, sock, notes);
  if (!family || !type || !protocol) return;
  socket.protocol = protocol_name(*family, *type, *protocol);
  const bool tcp = *protocol == tcp_protocol && *type == stream_socket && *family != family_unix;
  if (state && tcp && *state < tcp_states.size())
    socket.state = tcp_states[static_cast<std::size_t>(*state)];
  else if (state)
    socket.state = *state == listening     ? "listen"
                   : *state == established ? "connected"
                                           : "unconnected";
  if (*family == family_four || *family == family_six)
    read_internet(sock, *family == family_six, socket, notes);
  else if (*family == family_unix)
    read_local(sock, socket, notes);
  else if (*family == family_netlink)
    if (const auto id = get(port_id_, sock, notes)) socket.local = fmt::format("{}", *id);
  read_queues(sock, tcp, state == listening, socket, notes);
}

}  // namespace panicroom::linux_kernel
