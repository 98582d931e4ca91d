#include "core/kernel/linux/socket_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_namespaces = std::uint64_t{1} << 16;
constexpr std::uint64_t unix_buckets = 512;  // UNIX_HASH_SIZE, or twice that of before 5.19
constexpr std::string_view what = "the sockets that no process has open";

}  // namespace

void SocketLists::each(const Visit& visit, Notes& notes) {
  const auto head = noted(evidence_.address_of("net_namespace_list"), notes, what);
  const Field list("net", "list");
  const auto link = head ? noted(list.member(evidence_), notes, what) : std::nullopt;
  const auto node = noted(node_.member(evidence_), notes, what);
  if (!link || !node) return;
  left_ = most_objects(evidence_, node->offset + node->size);
  bytes_left_ = evidence_.memory_present();
  bool go_on = true;
  for_each_entry(evidence_, *head, link->offset, most_namespaces, "the list of network namespaces",
                 notes, [&](std::uint64_t net) { return go_on = each_of(net, visit, notes); });
  if (go_on) of_raw(visit, notes);
}

bool SocketLists::each_of(std::uint64_t net, const Visit& visit, Notes& notes) {
  if (!of_tcp(net, visit, notes) || !of_udp(net, visit, notes) || !of_unix(net, visit, notes))
    return false;
  const Field packets("net", "packet.sklist.first");
  if (!packets.exists(evidence_)) return true;  // CONFIG_PACKET is off or a module
  const auto first = noted(packets.read(evidence_, net), notes, what);
  return !first || chain(*first, node_.member(evidence_)->offset, visit, notes);
}

std::optional<std::uint64_t> SocketLists::table_of(std::uint64_t net, const Field& own,
                                                   std::string_view common) {
  std::uint64_t table = 0;
  if (own.exists(evidence_)) table = own.read(evidence_, net).value_or(0);
  if (table == 0) table = evidence_.address_of(common).value_or(0);
  if (table == 0 || !tables_.insert(table).second) return std::nullopt;
  return table;
}

bool SocketLists::of_tcp(std::uint64_t net, const Visit& visit, Notes& notes) {
  const auto info = table_of(net, Field("net", "ipv4.tcp_death_row.hashinfo"), "tcp_hashinfo");
  if (!info) return true;
  const std::uint64_t node = node_.member(evidence_)->offset;
  const auto connected = noted(
      hashed(*info, Field("inet_hashinfo", "ehash"), Field("inet_hashinfo", "ehash_mask"),
             "inet_ehash_bucket", Field("inet_ehash_bucket", "chain.first"), node, visit, notes),
      notes, what);
  if (connected == false) return false;
  // Until Linux 5.19 these lists had nodes of their own.
  const Field old("inet_connection_sock", "icsk_listen_portaddr_node");
  const auto listening =
      noted(hashed(*info, Field("inet_hashinfo", "lhash2"), Field("inet_hashinfo", "lhash2_mask"),
                   "inet_listen_hashbucket",
                   Field("inet_listen_hashbucket", {"nulls_head.first", "head.first"}),
                   old.exists(evidence_) ? old.member(evidence_)->offset : node, visit, notes),
            notes, what);
  return listening != false;
}

bool SocketLists::of_udp(std::uint64_t net, const Visit& visit, Notes& notes) {
  const auto table = table_of(net, Field("net", "ipv4.udp_table"), "udp_table");
  if (!table) return true;
  const auto done =
      noted(hashed(*table, Field("udp_table", "hash"), Field("udp_table", "mask"), "udp_hslot",
                   Field("udp_hslot", {"head.first", "nulls_head.first"}),
                   node_.member(evidence_)->offset, visit, notes),
            notes, what);
  return done != false;
}

bool SocketLists::of_raw(const Visit& visit, Notes& notes) {
  const Field lists("raw_hashinfo", "ht");
  for (const std::string_view name : {"raw_v4_hashinfo", "raw_v6_hashinfo"}) {
    const auto info = evidence_.address_of(name);  // IPv6 may be a module
    if (!info) continue;
    const auto member = noted(lists.member(evidence_), notes, what);
    if (!member || member->count == 0) return true;
    if (!walk({*info + member->offset, member->count, member->size / member->count, 0,
               node_.member(evidence_)->offset},
              visit, notes))
      return false;
  }
  return true;
}

bool SocketLists::of_unix(std::uint64_t net, const Visit& visit, Notes& notes) {
  const auto table = table_of(net, Field("net", "unx.table.buckets"), "unix_socket_table");
  const std::uint64_t word = evidence_.memory().machine().pointer_size;
  return !table ||
         walk({*table, unix_buckets, word, 0, node_.member(evidence_)->offset}, visit, notes);
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

bool SocketLists::chain(std::uint64_t node, std::uint64_t link, const Visit& visit, Notes& notes) {
  // A list ends with null, or (include/linux/list_nulls.h) with an odd number.
  while (node != 0 && (node & 1) == 0) {
    if (!seen_.insert(node - link).second) return true;
    if (left_ == 0) {
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("{}: there are more than fit into the dump's memory", what),
                     node});
      return false;
    }
    --left_;
    if (!visit(node - link)) return false;
    const auto next = noted(evidence_.memory().word(node), notes, what);
    if (!next) return true;
    node = *next;
  }
  return true;
}

}  // namespace panicroom::linux_kernel
