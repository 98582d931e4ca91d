#pragma once

#include <cstdint>

#include "core/kernel/field.h"
#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// Reads what a socket is (sys/sys/socketvar.h): its protocol alone.
class SocketsReader {
 public:
  explicit SocketsReader(Evidence& evidence) : evidence_(evidence) {}

  /// Of the struct socket at `socket`, which `file` leads to.
  Socket read(const OpenFile& file, std::uint64_t socket, Notes& notes);

 private:
  Evidence& evidence_;
  Field type_{"socket", "so_type"}, protocol_{"socket", "so_proto"},
      number_{"protosw", "pr_protocol"}, domain_{"protosw", "pr_domain"},
      family_{"domain", "dom_family"};
};

}  // namespace panicroom::netbsd
