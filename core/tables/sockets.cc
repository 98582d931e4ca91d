#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 11> columns_of_sockets = {{
    {"pid", ColumnType::integer,
     "Process id; null when no process has it open, such as a connection that is over or waits to "
     "be accepted."},
    {"process", ColumnType::text, "Name of the process."},
    {"fd", ColumnType::integer, "Descriptor."},
    {"protocol", ColumnType::text,
     "tcp, udp, tcp6, udp6, unix stream, unix datagram, unix seqpacket, netlink, packet, or raw "
     "and "
     "ip with the protocol's number."},
    {"state", ColumnType::text,
     "Of tcp its own: established, listen, close_wait, ...; of others connected, unconnected, "
     "listen."},
    {"local", ColumnType::text,
     "Address and port, a unix socket's path (@ begins an abstract name), a netlink port; null "
     "where it has none."},
    {"remote", ColumnType::text, "Address and port of the other end; null where it has none."},
    {"received", ColumnType::integer,
     "Bytes that wait to be read; of a listening socket (Linux: of tcp) connections that wait to "
     "be accepted.",
     true},
    {"sent", ColumnType::integer, "Bytes that were sent but not taken by the other end.", true},
    {"inode", ColumnType::integer, "Its inode.", true},
    {"address", ColumnType::address,
     "Address of struct sock (Linux) or struct socket (FreeBSD; struct inpcb where a connection "
     "that "
     "is over has no other).",
     true},
}};

class Sockets final : public Table {
 public:
  std::string_view name() const override { return "sockets"; }
  std::string_view doc() const override { return "Every socket."; }
  std::span<const Column> columns() const override { return columns_of_sockets; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->sockets(
        query.pid,
        [&](const Socket& row) {
          const std::array<Value, 11> cells = {
              cell(row.pid),   cell(row.process), cell(row.descriptor), cell(row.protocol),
              cell(row.state), cell(row.local),   cell(row.remote),     cell(row.received),
              cell(row.sent),  cell(row.inode),   Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& sockets_table() {
  static const Sockets table;
  return table;
}

}  // namespace panicroom
