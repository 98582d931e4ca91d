#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// Reads sockets that processes have open.
class SocketsReader {
 public:
  explicit SocketsReader(Evidence& evidence) : evidence_(evidence) {}

  /// The struct socket at `address`, opened as `file`.
  Socket read(const OpenFile& file, std::uint64_t address, Notes& notes);

 private:
  std::optional<std::uint64_t> get(const Field& field, std::uint64_t address, Notes& notes) {
    return noted(field.read(evidence_, address), notes, "a socket");
  }
  void read_internet(std::uint64_t pcb, Socket& socket, Notes& notes);
  std::optional<std::string> tcp_state(std::uint64_t pcb, Notes& notes);
  std::optional<std::string> local_address(std::uint64_t pcb, Notes& notes);

  Evidence& evidence_;
  Field type_{"socket", "so_type"}, options_{"socket", "so_options"}, state_{"socket", "so_state"},
      pcb_{"socket", "so_pcb"}, protocol_{"socket", "so_proto"},
      received_{"socket", "so_rcv.sb_cc"}, sent_{"socket", "so_snd.sb_cc"};
  Field domain_{"protosw", "pr_domain"}, number_{"protosw", "pr_protocol"},
      family_{"domain", "dom_family"};
  Field flags_{"inpcb", "inp_flags"}, tcp_{"inpcb", "inp_ppcb"}, far_port_{"inpcb", "inp_fport"},
      port_{"inpcb", "inp_lport"};
  Field far_four_{"inpcb", {"inp_faddru.iau_addr", "inp_faddru.iau_a4u.inaddr"}},
      near_four_{"inpcb", {"inp_laddru.iau_addr", "inp_laddru.iau_a4u.inaddr"}},
      far_six_{"inpcb", "inp_faddru.iau_addr6"}, near_six_{"inpcb", "inp_laddru.iau_addr6"};
  Field tcp_state_{"tcpcb", "t_state"};
  Field local_address_{"unpcb", "unp_addr"}, peer_{"unpcb", "unp_conn"},
      buffer_{"mbuf", "m_hdr.mh_data"};
};

}  // namespace panicroom::openbsd
