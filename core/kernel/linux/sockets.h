#pragma once

#include <cstdint>
#include <string>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {

/// Reads what sockets are.
class SocketsReader {
 public:
  explicit SocketsReader(Evidence& evidence) : evidence_(evidence) {}

  /// Of the open socket `file`; nothing when it has no protocol (yet).
  std::optional<Socket> read(const OpenFile& file, Notes& notes);
  /// Of a struct sock, inet_timewait_sock or request_sock that no process has open.
  Socket read(std::uint64_t sock, Notes& notes);

 private:
  void describe(Socket& socket, Notes& notes);
  void read_internet(std::uint64_t sock, bool six, Socket& socket, Notes& notes);
  void read_local(std::uint64_t sock, Socket& socket, Notes& notes);
  void read_queues(std::uint64_t sock, bool tcp, bool listens, Socket& socket, Notes& notes);
  std::optional<std::string> internet_address(std::uint64_t sock, const Field& four,
                                              const Field& six, bool is_six, std::uint16_t port,
                                              Notes& notes);
  std::optional<std::uint64_t> get(const Field& field, std::uint64_t at, Notes& notes) {
    return noted(field.read(evidence_, at), notes, "a socket");
  }

  Evidence& evidence_;
  Field private_{"file", "private_data"}, sock_{"socket", "sk"};
  Field family_{"sock", "__sk_common.skc_family"}, state_{"sock", "__sk_common.skc_state"},
      type_{"sock", "sk_type"}, protocol_{"sock", "sk_protocol"};
  Field port_{"sock", "__sk_common.skc_num"}, far_port_{"sock", "__sk_common.skc_dport"},
      near_{"sock", "__sk_common.skc_rcv_saddr"}, far_{"sock", "__sk_common.skc_daddr"},
      near_six_{"sock", "__sk_common.skc_v6_rcv_saddr"},
      far_six_{"sock", "__sk_common.skc_v6_daddr"};
  Field holder_{"sock", "sk_socket"}, inode_{"socket_alloc", "vfs_inode.i_ino"};
  Field backlog_{"sock", "sk_ack_backlog"}, received_{"sock", "sk_backlog.rmem_alloc.counter"},
      sent_{"sock", "sk_wmem_alloc.refs.counter"};
  Field next_received_{"tcp_sock", "rcv_nxt"}, copied_{"tcp_sock", "copied_seq"},
      written_{"tcp_sock", "write_seq"}, unacknowledged_{"tcp_sock", "snd_una"};
  Field local_address_{"unix_sock", "addr"}, address_length_{"unix_address", "len"},
      address_name_{"unix_address", "name"};
  Field port_id_{"netlink_sock", "portid"};
};

}  // namespace panicroom::linux_kernel
