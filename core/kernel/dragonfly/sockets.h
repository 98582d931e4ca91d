#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/dragonfly/evidence.h"
#include "core/kernel/field.h"

namespace panicroom::dragonfly {

/// Reads sockets that processes have open.
class SocketsReader {
 public:
  explicit SocketsReader(Evidence& evidence) : evidence_(evidence) {}

  Socket read(const OpenFile& file, std::uint64_t address, Notes& notes);

 private:
  std::optional<std::uint64_t> get(const Field& field, std::uint64_t object, Notes& notes) {
    return noted(field.read(evidence_, object), notes, "a socket");
  }
  void read_internet(std::uint64_t pcb, Socket& socket, Notes& notes);
  std::optional<std::string> tcp_state(std::uint64_t pcb, Notes& notes);
  std::optional<std::string> local_address(std::uint64_t pcb, Notes& notes);

  Evidence& evidence_;
  Field type_{"socket", "so_type"}, options_{"socket", "so_options"}, state_{"socket", "so_state"},
      pcb_{"socket", "so_pcb"}, protocol_{"socket", "so_proto"}, waiting_{"socket", "so_qlen"},
      received_{"socket", "so_rcv.sb.sb_cc"}, sent_{"socket", "so_snd.sb.sb_cc"};
  Field number_{"protosw", "pr_protocol"}, domain_{"protosw", "pr_domain"},
      family_{"domain", "dom_family"};
  Field family_of_pcb_{"inpcb", "inp_af"}, port_{"inpcb", "inp_inc.inc_ie.ie_lport"},
      far_port_{"inpcb", "inp_inc.inc_ie.ie_fport"},
      near_{"inpcb", "inp_inc.inc_ie.ie_dependladdr"},
      far_{"inpcb", "inp_inc.inc_ie.ie_dependfaddr"}, tcp_{"inpcb", "inp_ppcb"},
      tcp_state_{"tcpcb", "t_state"};
  Field peer_{"unpcb", "unp_conn"}, local_address_{"unpcb", "unp_addr"},
      address_length_{"sockaddr_un", "sun_len"}, path_{"sockaddr_un", "sun_path"};
};

}  // namespace panicroom::dragonfly
