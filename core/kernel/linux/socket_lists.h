#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string_view>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {

/// The sockets that the protocols know: also those that no process has open, such as connections
/// that wait to be accepted or that are over. Linux include/net/inet_hashtables.h, udp.h, raw.h,
/// af_unix.h, include/net/netns/*.h.
class SocketLists {
 public:
  using Visit = std::function<bool(std::uint64_t sock)>;

  explicit SocketLists(Evidence& evidence) : evidence_(evidence) {}

  /// Each struct sock, inet_timewait_sock or request_sock once: of TCP and UDP, raw, unix and
  /// packet sockets of every network namespace. Ends when `visit` answers false.
  void each(const Visit& visit, Notes& notes);

 private:
  struct Buckets {
    std::uint64_t first = 0, count = 0, stride = 0;
    std::uint64_t head = 0;  ///< where in each bucket its list begins
    std::uint64_t link = 0;  ///< where the list's node lies in each socket
  };
  bool each_of(std::uint64_t net, const Visit& visit, Notes& notes);
  bool of_tcp(std::uint64_t net, const Visit& visit, Notes& notes);
  bool of_udp(std::uint64_t net, const Visit& visit, Notes& notes);
  bool of_raw(const Visit& visit, Notes& notes);
  bool of_unix(std::uint64_t net, const Visit& visit, Notes& notes);
  Result<bool> hashed(std::uint64_t info, const Field& table, const Field& mask,
                      std::string_view bucket, const Field& head, std::uint64_t link,
                      const Visit& visit, Notes& notes);
  bool walk(const Buckets& buckets, const Visit& visit, Notes& notes);
  bool chain(std::uint64_t node, std::uint64_t link, const Visit& visit, Notes& notes);
  /// The table that a namespace points to, else the kernel's only one; nothing where it was visited
  /// or there is none.
  std::optional<std::uint64_t> table_of(std::uint64_t net, const Field& own,
                                        std::string_view common);

  Evidence& evidence_;
  Field node_{"sock_common", "skc_node"};
  std::set<std::uint64_t> tables_, seen_;
  std::uint64_t left_ = 0;        ///< sockets that may still be visited
  std::uint64_t bytes_left_ = 0;  ///< of tables that may still be read
};

}  // namespace panicroom::linux_kernel
