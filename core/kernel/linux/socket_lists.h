#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {

/// The sockets that the protocols know: also those that no process has open, such as connections
/// that wait to be accepted or that are over. Linux include/net/inet_hashtables.h, udp.h, raw.h,
/// sock.h, af_unix.h, include/net/netns/*.h, net/netlink/af_netlink.h.
class SocketLists {
 public:
  using Visit = std::function<bool(std::uint64_t sock)>;
  /// The network namespaces (struct net) of the processes.
  using Namespaces = std::function<std::set<std::uint64_t>()>;

  SocketLists(Evidence& evidence, Namespaces namespaces)
      : evidence_(evidence), namespaces_of_processes_(std::move(namespaces)) {}

  /// Takes an open socket, whose protocol leads to its tables where the kernel names no variables.
  void add_open(std::uint64_t sock);
  /// Each struct sock, inet_timewait_sock or request_sock once: of TCP and UDP, raw, unix, packet
  /// and netlink sockets of every network namespace. Ends when `visit` answers false. A note says
  /// which lists are not known.
  void each(const Visit& visit, Notes& notes);

 private:
  struct Buckets {
    std::uint64_t first = 0, count = 0, stride = 0;
    std::uint64_t head = 0;  ///< where in each bucket its list begins
    std::uint64_t link = 0;  ///< where the list's node lies in each socket
  };
  bool names_variables() { return evidence_.address_of("net_namespace_list").has_value(); }
  std::vector<std::uint64_t> namespaces(std::uint64_t link, Notes& notes);
  bool of_tcp(std::uint64_t info, const Visit& visit, Notes& notes);
  bool of_udp(std::uint64_t table, const Visit& visit, Notes& notes);
  bool of_raw(std::uint64_t info, const Visit& visit, Notes& notes);
  bool of_unix(std::uint64_t table, const Visit& visit, Notes& notes);
  bool of_packets(std::uint64_t net, const Visit& visit, Notes& notes);
  bool of_netlink(const std::vector<std::uint64_t>& nets, const Visit& visit, Notes& notes);
  bool of_kernel_netlink(std::uint64_t net, const Visit& visit, Notes& notes);
  Result<bool> hashed(std::uint64_t info, const Field& table, const Field& mask,
                      std::string_view bucket, const Field& head, std::uint64_t link,
                      const Visit& visit, Notes& notes);
  bool walk(const Buckets& buckets, const Visit& visit, Notes& notes);
  /// Each once; false to end.
  bool show(std::uint64_t sock, const Visit& visit, Notes& notes);
  bool chain(std::uint64_t node, std::uint64_t link, const Visit& visit, Notes& notes);
  /// The tables that namespaces point to, else the kernel's only ones, else those of open sockets;
  /// where there are none a note says that `kind` are left out.
  std::set<std::uint64_t> tables(const std::vector<std::uint64_t>& nets, const Field* own,
                                 std::initializer_list<std::string_view> common,
                                 const std::set<std::uint64_t>& of_open, std::string_view kind,
                                 Notes& notes);

  Evidence& evidence_;
  Namespaces namespaces_of_processes_;
  Field node_{"sock_common", "skc_node"}, protocol_{"sock_common", "skc_prot"},
      type_{"sock", "sk_type"}, number_{"sock", "sk_protocol"},
      family_{"sock_common", "skc_family"};
  std::set<std::uint64_t> open_tcp_, open_udp_, open_raw_;  ///< tables
  std::set<std::uint64_t> seen_;
  std::uint64_t left_ = 0;        ///< sockets that may still be visited
  std::uint64_t bytes_left_ = 0;  ///< of tables that may still be read
};

}  // namespace panicroom::linux_kernel
