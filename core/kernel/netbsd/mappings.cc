#include "core/kernel/netbsd/mappings.h"

#include <fmt/format.h>

#include "core/base/loop_guard.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t size_of_entry = 64;  // bytes, at least

// UVM_ET_* (sys/uvm/uvm.h), VM_PROT_* (sys/uvm/uvm_prot.h), MAP_INHERIT_SHARE.
constexpr std::uint64_t is_object = 1, is_sub_map = 2;
constexpr std::uint64_t may_read = 1, may_write = 2, may_execute = 4, inherit_share = 0;

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), left_(most_objects(evidence, size_of_entry)) {
  if (const auto pager = evidence_.address_of("uvm_vnodeops")) vnode_pager_ = *pager;
}

std::uint64_t MappingsReader::vnode_of(std::uint64_t object, Notes& notes) {
  if (!vnode_pager_) return 0;
  const auto pager = noted(pager_.read(evidence_, object), notes, "a mapping's object");
  // A vnode's object is its first member.
  return pager == vnode_pager_ ? object : 0;
}

MappingsReader::Stack MappingsReader::stack_of(std::uint64_t space, Notes& notes) {
  // The greatest size that the stack may have ends where it began (it grows down).
  const auto low = noted(stack_low_.read(evidence_, space), notes, "where a process's stack is");
  const auto high = noted(stack_high_.read(evidence_, space), notes, "where a process's stack is");
  return low && high ? Stack{*low, *high} : Stack{};
}

Mapping MappingsReader::read_entry(std::uint64_t entry, const Stack& stack, Notes& notes) {
  Mapping mapping;
  mapping.address = entry;
  mapping.start = noted(start_.read(evidence_, entry), notes, "a mapping's start").value_or(0);
  mapping.end = noted(end_.read(evidence_, entry), notes, "a mapping's end").value_or(0);
  const auto access = noted(protection_.read(evidence_, entry), notes, "a mapping's access");
  const auto inheritance = noted(inheritance_.read(evidence_, entry), notes, "a mapping's access");
  if (access && inheritance)
    mapping.access = fmt::format(
        "{}{}{}{}", (*access & may_read) != 0 ? 'r' : '-', (*access & may_write) != 0 ? 'w' : '-',
        (*access & may_execute) != 0 ? 'x' : '-', *inheritance == inherit_share ? 's' : 'p');
  const auto type = noted(type_.read(evidence_, entry), notes, "what a mapping is of");
  if (!type || (*type & is_sub_map) != 0) return mapping;
  const auto object = (*type & is_object) == 0
                          ? std::optional<std::uint64_t>(0)
                          : noted(object_.read(evidence_, entry), notes, "a mapping's object");
  if (!object) return mapping;
  if (*object == 0) {
    if (mapping.start >= stack.low && mapping.end <= stack.high && mapping.start < mapping.end)
      mapping.path = "[stack]";
    return mapping;
  }
  mapping.offset = noted(offset_.read(evidence_, entry), notes, "a mapping's offset");
  if (const std::uint64_t vnode = vnode_of(*object, notes); vnode != 0)
    mapping.path = vnodes_.path(vnode, notes);
  return mapping;
}

bool MappingsReader::read(const Process& process, const Visitor<Mapping>& visit, Notes& notes) {
  constexpr std::string_view what = "a process's mappings";
  const auto space = noted(space_.read(evidence_, process.address), notes, "a process's memory");
  if (!space || *space == 0) return true;
  const auto header = noted(header_.place(evidence_, *space), notes, what);
  const auto count = noted(count_.read(evidence_, *space), notes, what);
  if (!header) return true;
  const Stack stack = stack_of(*space, notes);
  VisitOnce guard(left_);
  std::uint64_t before = 0, found = 0;
  auto entry = next_.read(evidence_, *header);
  while (entry && *entry != *header) {
    if (*entry == 0 || left_ == 0 || !guard.step(*entry)) {
      notes.add(
          Note{ErrorCode::corrupt, fmt::format("{} do not lead back to their head", what), *entry});
      return true;
    }
    --left_;
    Mapping mapping = read_entry(*entry, stack, notes);
    if (mapping.start < before) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} are out of order", what), *entry});
      return true;
    }
    before = mapping.start;
    ++found;
    mapping.pid = process.pid;
    if (!visit(mapping)) return false;
    entry = next_.read(evidence_, *entry);
  }
  if (!entry)
    notes.add(entry.error().within(fmt::format("{} break off", what)));
  else if (count && *count != found)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{} are said to be {}, but {} were found", what, *count, found),
                   *header});
  return true;
}

}  // namespace panicroom::netbsd
