#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"

namespace panicroom::freebsd {

/// The sockets that the protocols know: also those that no process has open, such as connections
/// that wait to be accepted or that are over. (FreeBSD sys/netinet/in_pcb.h, sys/sys/unpcb.h,
/// sys/kern/uipc_usrreq.c.)
class SocketLists {
 public:
  /// A struct socket, or where a TCP connection that is over has none any more (`socket` is 0), its
  /// struct inpcb.
  using Visit = std::function<bool(std::uint64_t socket, std::uint64_t pcb)>;

  explicit SocketLists(Evidence& evidence) : evidence_(evidence) {}

  /// Those of TCP, UDP and raw IP of the host's own network stack, and of the unix domain. Ends
  /// when `visit` answers false. `symbols` has the kernel's.
  void each(const SymbolTable& symbols, const Visit& visit, Notes& notes);

 private:
  bool of_protocol(const SymbolTable& symbols, std::string_view name, const Visit& visit,
                   Notes& notes);
  bool of_unix(std::string_view name, const Visit& visit, Notes& notes);
  bool walk(std::uint64_t head, const Field& link, const Field& socket, bool without_socket,
            const Visit& visit, Notes& notes);

  Evidence& evidence_;
  Field all_{"inpcbinfo", "ipi_listhead"}, link_{"inpcb", "inp_list"},
      socket_{"inpcb", "inp_socket"};
  Field unix_link_{"unpcb", "unp_link"}, unix_socket_{"unpcb", "unp_socket"};
};

}  // namespace panicroom::freebsd
