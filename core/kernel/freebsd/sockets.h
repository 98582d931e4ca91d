#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"

namespace panicroom::freebsd {

/// Reads sockets.
class SocketsReader {
 public:
  explicit SocketsReader(Evidence& evidence) : evidence_(evidence) {}

  /// The struct socket at `address`, opened as `file`.
  Socket read(const OpenFile& file, std::uint64_t address, Notes& notes);
  /// The struct socket at `address`, which no process has open; where that is 0, the TCP connection
  /// that the struct inpcb at `pcb` is all that is left of.
  Socket read(std::uint64_t address, std::uint64_t pcb, Notes& notes);

 private:
  void describe(Socket& socket, Notes& notes);
  std::optional<std::uint64_t> get(const Field& field, std::uint64_t address, Notes& notes) {
    return noted(field.read(evidence_, address), notes, "a socket");
  }
  void read_internet(std::uint64_t pcb, Socket& socket, Notes& notes);
  std::optional<std::string> internet_address(std::uint64_t pcb, const Field& address,
                                              const Field& port, bool six, Notes& notes);
  std::optional<std::string> tcp_state(std::uint64_t pcb, Notes& notes);
  std::optional<std::string> local_address(std::uint64_t pcb, Notes& notes);

  Evidence& evidence_;
  Field type_{"socket", "so_type"}, options_{"socket", "so_options"}, state_{"socket", "so_state"},
      pcb_{"socket", "so_pcb"}, protocol_{"socket", "so_proto"},
      received_{"socket", "so_rcv.sb_ccc"}, sent_{"socket", "so_snd.sb_ccc"},
      waiting_{"socket", {"sol_qlen", "so_qlen"}};
  Field domain_{"protosw", "pr_domain"}, number_{"protosw", "pr_protocol"},
      family_{"domain", "dom_family"};
  Field versions_{"inpcb", "inp_vflag"}, tcp_{"inpcb", "inp_ppcb"}, flags_{"inpcb", "inp_flags"},
      far_port_{"inpcb", "inp_inc.inc_ie.ie_fport"}, port_{"inpcb", "inp_inc.inc_ie.ie_lport"},
      far_{"inpcb", "inp_inc.inc_ie.ie_dependfaddr"},
      near_{"inpcb", "inp_inc.inc_ie.ie_dependladdr"};
  Field tcp_state_{"tcpcb", "t_state"}, own_pcb_{"tcpcb", "t_inpcb"};
  Field local_address_{"unpcb", "unp_addr"}, peer_{"unpcb", "unp_conn"};
  Field address_length_{"sockaddr_un", "sun_len"}, path_{"sockaddr_un", "sun_path"};
};

}  // namespace panicroom::freebsd
