#include "core/kernel/freebsd/socket_lists.h"

#include <optional>

#include "core/kernel/freebsd/evidence.h"
#include "core/kernel/freebsd/own_variables.h"
#include "core/kernel/lists.h"

namespace panicroom::freebsd {
namespace {

constexpr std::string_view what = "the sockets that no process has open";
constexpr std::uint64_t least_size = 64;  // of a control block, bytes

}  // namespace

void SocketLists::each(const SymbolTable& symbols, const Visit& visit, Notes& notes) {
  for (const std::string_view name : {"tcbinfo", "udbinfo", "ulitecbinfo", "ripcbinfo"})
    if (!of_protocol(symbols, name, visit, notes)) return;
  for (const std::string_view name : {"unp_shead", "unp_dhead", "unp_sphead"})
    if (!of_unix(name, visit, notes)) return;
}

bool SocketLists::of_protocol(const SymbolTable& symbols, std::string_view name, const Visit& visit,
                              Notes& notes) {
  // With VIMAGE each network stack has its own.
  const auto own = noted(own_variable(evidence_, symbols, name, std::nullopt, notes), notes, what);
  if (!own) return true;
  const auto info = *own ? Result<std::uint64_t>((*own)->address) : evidence_.address_of(name);
  if (!info) {
    // UDP-Lite came with FreeBSD 10, and a kernel may lack the others.
    if (name == "tcbinfo") notes.add(info.error().within(what));
    return true;
  }
  const auto all = noted(all_.member(evidence_), notes, what);
  if (!all) return true;
  // Until FreeBSD 13 the list's head lay apart.
  std::uint64_t head = *info + all->offset;
  if (evidence_.is_pointer(*all)) {
    const auto apart = noted(evidence_.field(*info, *all), notes, what);
    if (!apart || *apart == 0) return true;
    head = *apart;
  }
  return walk(head, link_, socket_, name == "tcbinfo", visit, notes);
}

bool SocketLists::of_unix(std::string_view name, const Visit& visit, Notes& notes) {
  const auto head = noted(evidence_.address_of(name), notes, what);
  return !head || walk(*head, unix_link_, unix_socket_, false, visit, notes);
}

bool SocketLists::walk(std::uint64_t head, const Field& link, const Field& socket,
                       bool without_socket, const Visit& visit, Notes& notes) {
  const auto next = noted(link.member(evidence_), notes, what);
  if (!next) return true;
  return for_each_listed(evidence_, head, next->offset, most_objects(evidence_, least_size), what,
                         notes, [&](std::uint64_t pcb) {
                           const auto holder = noted(socket.read(evidence_, pcb), notes, what);
                           if (!holder || (*holder == 0 && !without_socket)) return true;
                           return visit(*holder, pcb);
                         });
}

}  // namespace panicroom::freebsd
