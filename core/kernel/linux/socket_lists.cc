#include "core/kernel/linux/socket_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/kernel/texts.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_namespaces = std::uint64_t{1} << 16;
constexpr std::uint64_t unix_buckets = 512;      // UNIX_HASH_SIZE, or twice that of before 5.19
constexpr std::uint64_t netlink_protocols = 32;  // MAX_LINKS of uapi/linux/netlink.h
constexpr std::string_view what = "the sockets that no process has open";

// Linux include/linux/net.h and socket.h, uapi/linux/in.h
constexpr std::uint64_t datagram_socket = 2, raw_socket = 3, udp_protocol = 17;
constexpr std::uint64_t family_four = 2, family_six = 10;

Note unknown(std::string_view kind, std::string_view variable) {
  return {ErrorCode::no_symbol,
          fmt::format("{}: {} are left out: the kernel names no variable {}, and nothing else that "
                      "was found leads to their lists",
                      what, kind, variable),
          std::nullopt};
}

}  // namespace

void SocketLists::add_open(std::uint64_t sock) {
  if (names_variables()) return;
  const auto family = family_.read(evidence_, sock), type = type_.read(evidence_, sock),
             number = number_.read(evidence_, sock), protocol = protocol_.read(evidence_, sock);
  if (!family || !type || !number || !protocol) return;
  if (*family != family_four && *family != family_six) return;
  const auto take = [&](const Field& table, std::set<std::uint64_t>& tables) {
    if (const auto at = table.read(evidence_, *protocol); at && *at != 0) tables.insert(*at);
  };
  if (*type == stream_socket && *number == tcp_protocol)
    take(Field("proto", "h.hashinfo"), open_tcp_);
  else if (*type == datagram_socket && *number == udp_protocol)
    take(Field("proto", "h.udp_table"), open_udp_);
  else if (*type == raw_socket)
    take(Field("proto", "h.raw_hash"), open_raw_);
}

std::vector<std::uint64_t> SocketLists::namespaces(std::uint64_t link, Notes& notes) {
  constexpr std::string_view list = "the list of network namespaces";
  std::vector<std::uint64_t> nets;
  if (const auto head = evidence_.address_of("net_namespace_list")) {
    for_each_entry(evidence_, *head, link, most_namespaces, list, notes, [&](std::uint64_t net) {
      nets.push_back(net);
      return true;
    });
    return nets;
  }
  const auto of_processes = namespaces_of_processes_();
  nets.assign(of_processes.begin(), of_processes.end());
  // The list leads from any to all others, and over its head, which is none.
  const Field operations("net", "ns.ops");
  if (nets.empty() || !operations.exists(evidence_)) return nets;
  const auto expected = noted(operations.read(evidence_, nets.front()), notes, list);
  if (!expected) return nets;
  for_each_entry(evidence_, nets.front() + link, link, most_namespaces, list, notes,
                 [&](std::uint64_t net) {
                   const auto found = operations.read(evidence_, net);
                   if (found && *found == *expected && !of_processes.contains(net))
                     nets.push_back(net);
                   return true;
                 });
  return nets;
}

std::set<std::uint64_t> SocketLists::tables(const std::vector<std::uint64_t>& nets,
                                            const Field* own,
                                            std::initializer_list<std::string_view> common,
                                            const std::set<std::uint64_t>& of_open,
                                            std::string_view kind, Notes& notes) {
  std::set<std::uint64_t> tables;
  if (own != nullptr && own->exists(evidence_))
    for (const std::uint64_t net : nets)
      if (const auto table = noted(own->read(evidence_, net), notes, what); table && *table != 0)
        tables.insert(*table);
  if (!tables.empty()) return tables;
  for (const std::string_view name : common)
    if (const auto table = evidence_.address_of(name)) tables.insert(*table);
  if (!tables.empty()) return tables;
  // Without a namespace a note says so already.
  if (of_open.empty() && !nets.empty()) notes.add(unknown(kind, *common.begin()));
  return of_open;
}

void SocketLists::each(const Visit& visit, Notes& notes) {
  const Field list("net", "list");
  const auto link = noted(list.member(evidence_), notes, what);
  const auto node = noted(node_.member(evidence_), notes, what);
  if (!link || !node) return;
  left_ = most_objects(evidence_, node->offset + node->size);
  bytes_left_ = evidence_.memory_present();
  const auto nets = namespaces(link->offset, notes);
  if (nets.empty()) notes.add(unknown("all", "net_namespace_list"));
  const Field tcp("net", "ipv4.tcp_death_row.hashinfo"), udp("net", "ipv4.udp_table"),
      local("net", "unx.table.buckets");
  const auto all = [&](const std::set<std::uint64_t>& tables, auto of) {
    return std::all_of(tables.begin(), tables.end(),
                       [&](std::uint64_t table) { return (this->*of)(table, visit, notes); });
  };
  if (!all(tables(nets, &tcp, {"tcp_hashinfo"}, open_tcp_, "those of TCP", notes),
           &SocketLists::of_tcp) ||
      !all(tables(nets, &udp, {"udp_table"}, open_udp_, "those of UDP", notes),
           &SocketLists::of_udp) ||
      !all(tables(nets, nullptr, {"raw_v4_hashinfo", "raw_v6_hashinfo"}, open_raw_, "raw ones",
                  notes),
           &SocketLists::of_raw) ||
      !all(tables(nets, &local, {"unix_socket_table"}, {}, "unix ones", notes),
           &SocketLists::of_unix))
    return;
  for (const std::uint64_t net : nets)
    if (!of_packets(net, visit, notes)) return;
  of_netlink(nets, visit, notes);
}

bool SocketLists::of_packets(std::uint64_t net, const Visit& visit, Notes& notes) {
  const Field packets("net", "packet.sklist.first");
  if (!packets.exists(evidence_)) return true;  // CONFIG_PACKET is off or a module
  const auto first = noted(packets.read(evidence_, net), notes, what);
  return !first || chain(*first, node_.member(evidence_)->offset, visit, notes);
}

bool SocketLists::of_netlink(const std::vector<std::uint64_t>& nets, const Visit& visit,
                             Notes& notes) {
  const Field table("netlink_table", "hash.tbl"), size("bucket_table", "size"),
      lists("bucket_table", "buckets"), node("netlink_sock", "node");
  const auto named = evidence_.address_of("nl_table");
  if (!named) {
    notes.add(unknown("netlink's other than each namespace's first", "nl_table"));
    return std::all_of(nets.begin(), nets.end(),
                       [&](std::uint64_t net) { return of_kernel_netlink(net, visit, notes); });
  }
  const auto types = noted(evidence_.types(), notes, what);
  const auto stride = types ? noted((*types)->size_of("netlink_table"), notes, what) : std::nullopt;
  const auto head = noted(lists.member(evidence_), notes, what);
  const auto link = noted(node.member(evidence_), notes, what);
  const auto first = noted(evidence_.memory().word(*named), notes, what);
  if (!stride || !head || !link || !first || *first == 0) return true;
  const std::uint64_t word = evidence_.memory().machine().pointer_size;
  for (std::uint64_t protocol = 0; protocol < netlink_protocols; ++protocol) {
    const auto buckets = noted(table.read(evidence_, *first + protocol * *stride), notes, what);
    if (!buckets || *buckets == 0) continue;  // a protocol that nothing uses
    const auto count = noted(size.read(evidence_, *buckets), notes, what);
    if (count && !walk({*buckets + head->offset, *count, word, 0, link->offset}, visit, notes))
      return false;
  }
  return true;
}

bool SocketLists::of_kernel_netlink(std::uint64_t net, const Visit& visit, Notes& notes) {
  for (const std::string_view path :
       {"rtnl", "genl_sock", "diag_nlsk", "ipv4.fibnl", "xfrm.nlsk"}) {
    const Field field("net", path);
    if (!field.exists(evidence_)) continue;
    const auto sock = noted(field.read(evidence_, net), notes, what);
    if (sock && *sock != 0 && !show(*sock, visit, notes)) return false;
  }
  const Field events("net", "uevent_sock"), own("uevent_sock", "sk");
  if (!events.exists(evidence_) || !own.exists(evidence_)) return true;
  const auto holder = noted(events.read(evidence_, net), notes, what);
  if (!holder || *holder == 0) return true;
  const auto sock = noted(own.read(evidence_, *holder), notes, what);
  return !sock || *sock == 0 || show(*sock, visit, notes);
}

bool SocketLists::of_tcp(std::uint64_t info, const Visit& visit, Notes& notes) {
  const std::uint64_t node = node_.member(evidence_)->offset;
  const auto connected = noted(
      hashed(info, Field("inet_hashinfo", "ehash"), Field("inet_hashinfo", "ehash_mask"),
             "inet_ehash_bucket", Field("inet_ehash_bucket", "chain.first"), node, visit, notes),
      notes, what);
  if (connected == false) return false;
  // Until Linux 5.19 these lists had nodes of their own.
  const Field old("inet_connection_sock", "icsk_listen_portaddr_node");
  const auto listening =
      noted(hashed(info, Field("inet_hashinfo", "lhash2"), Field("inet_hashinfo", "lhash2_mask"),
                   "inet_listen_hashbucket",
                   Field("inet_listen_hashbucket", {"nulls_head.first", "head.first"}),
                   old.exists(evidence_) ? old.member(evidence_)->offset : node, visit, notes),
            notes, what);
  return listening != false;
}

bool SocketLists::of_udp(std::uint64_t table, const Visit& visit, Notes& notes) {
  const auto done =
      noted(hashed(table, Field("udp_table", "hash"), Field("udp_table", "mask"), "udp_hslot",
                   Field("udp_hslot", {"head.first", "nulls_head.first"}),
                   node_.member(evidence_)->offset, visit, notes),
            notes, what);
  return done != false;
}

bool SocketLists::of_raw(std::uint64_t info, const Visit& visit, Notes& notes) {
  const Field lists("raw_hashinfo", "ht");
  const auto member = noted(lists.member(evidence_), notes, what);
  return !member || member->count == 0 ||
         walk({info + member->offset, member->count, member->size / member->count, 0,
               node_.member(evidence_)->offset},
              visit, notes);
}

bool SocketLists::of_unix(std::uint64_t table, const Visit& visit, Notes& notes) {
  const std::uint64_t word = evidence_.memory().machine().pointer_size;
  return walk({table, unix_buckets, word, 0, node_.member(evidence_)->offset}, visit, notes);
}

Result<bool> SocketLists::hashed(std::uint64_t info, const Field& table, const Field& mask,
                                 std::string_view bucket, const Field& head, std::uint64_t link,
                                 const Visit& visit, Notes& notes) {
  PANICROOM_TRY(types, evidence_.types());
  PANICROOM_TRY(stride, types->size_of(bucket));
  PANICROOM_TRY(first, table.read(evidence_, info));
  PANICROOM_TRY(last, mask.read(evidence_, info));
  PANICROOM_TRY(start, head.member(evidence_));
  if (first == 0) return true;
  return walk({first, last + 1, stride, start.offset, link}, visit, notes);
}

bool SocketLists::walk(const Buckets& buckets, const Visit& visit, Notes& notes) {
  AddressSpace& memory = evidence_.memory();
  const std::uint64_t word = memory.machine().pointer_size;
  std::array<std::byte, 4096> piece{};
  if (buckets.stride < buckets.head + word || buckets.stride > piece.size() ||
      buckets.count > bytes_left_ / buckets.stride) {
    notes.add(
        Note{ErrorCode::corrupt,
             fmt::format("{}: a table of {} lists of {} bytes: all tables together are larger "
                         "than the dump's memory",
                         what, buckets.count, buckets.stride),
             buckets.first});
    return true;
  }
  bytes_left_ -= buckets.count * buckets.stride;
  const std::uint64_t at_once = piece.size() / buckets.stride;
  for (std::uint64_t i = 0; i < buckets.count; i += at_once) {
    const std::uint64_t now = std::min(at_once, buckets.count - i);
    const std::uint64_t at = buckets.first + i * buckets.stride;
    const MutableBytes bytes =
        MutableBytes(piece).first(static_cast<std::size_t>(now * buckets.stride));
    if (const auto read = memory.read(at, bytes); !read) {
      notes.add(read.error().within(what));
      continue;
    }
    for (std::uint64_t bucket = 0; bucket < now; ++bucket) {
      const std::byte* head = bytes.data() + bucket * buckets.stride + buckets.head;
      const std::uint64_t node = word == 8 ? load<std::uint64_t>(head, memory.machine().order)
                                           : load<std::uint32_t>(head, memory.machine().order);
      if (!chain(node, buckets.link, visit, notes)) return false;
    }
  }
  return true;
}

bool SocketLists::show(std::uint64_t sock, const Visit& visit, Notes& notes) {
  if (!seen_.insert(sock).second) return true;
  if (left_ == 0) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{}: there are more than fit into the dump's memory", what), sock});
    return false;
  }
  --left_;
  return visit(sock);
}

bool SocketLists::chain(std::uint64_t node, std::uint64_t link, const Visit& visit, Notes& notes) {
  // A list ends with null, or (include/linux/list_nulls.h) with an odd number.
  while (node != 0 && (node & 1) == 0) {
    if (seen_.contains(node - link)) return true;
    if (!show(node - link, visit, notes)) return false;
    const auto next = noted(evidence_.memory().word(node), notes, what);
    if (!next) return true;
    node = *next;
  }
  return true;
}

}  // namespace panicroom::linux_kernel
