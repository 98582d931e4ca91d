#include "core/kernel/openbsd/mappings.h"

#include <fmt/format.h>

#include "core/kernel/red_black.h"

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t size_of_entry = 96;  // bytes, at least

// UVM_ET_*, sys/uvm/uvm_map.h; PROT_*, MAP_INHERIT_*, sys/sys/mman.h.
constexpr std::uint64_t of_object = 0x1, of_sub_map = 0x2;
constexpr std::uint64_t may_read = 1, may_write = 2, may_execute = 4, inherit_share = 0;

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), left_(most_objects(evidence, size_of_entry)) {
  if (const auto address = evidence.address_of("uvm_vnodeops")) vnode_pages_ = *address;
}

void MappingsReader::read_object(std::uint64_t object, Mapping& mapping, Notes& notes) {
  constexpr std::string_view what = "a mapping's object";
  // A vnode's pages have their own operations; others are a device's or of no file.
  const auto operations = noted(operations_.read(evidence_, object), notes, what);
  if (!operations || !vnode_pages_ || *operations != *vnode_pages_) return;
  const auto vnode = noted(vnode_.read(evidence_, object), notes, what);
  if (!vnode || *vnode == 0) return;
  mapping.path = vnodes_.path(*vnode, notes);
  mapping.inode = vnodes_.inode(*vnode, notes);
}

Mapping MappingsReader::read_entry(std::uint64_t entry, std::uint64_t stack_low,
                                   std::uint64_t stack_high, Notes& notes) {
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
  if (mapping.start >= stack_low && mapping.end <= stack_high && stack_high != 0)
    mapping.path = "[stack]";
  const auto type = noted(type_.read(evidence_, entry), notes, "a mapping's kind");
  if (!type || (*type & of_sub_map) != 0 || (*type & of_object) == 0) return mapping;
  const auto object = noted(object_.read(evidence_, entry), notes, "a mapping's object");
  if (!object || *object == 0) return mapping;
  mapping.offset = noted(offset_.read(evidence_, entry), notes, "a mapping's offset");
  read_object(*object, mapping, notes);
  return mapping;
}

bool MappingsReader::read(const Process& process, const Visitor<Mapping>& visit, Notes& notes) {
  constexpr std::string_view what = "a process's memory";
  const auto space = noted(space_.read(evidence_, process.address), notes, what);
  if (!space || *space == 0) return true;
  const auto root = noted(root_.place(evidence_, *space), notes, "a process's mappings");
  const auto left = noted(below_.member(evidence_), notes, "a process's mappings");
  const auto right = noted(above_.member(evidence_), notes, "a process's mappings");
  if (!root || !left || !right) return true;
  const std::uint64_t low = noted(stack_low_.read(evidence_, *space), notes, what).value_or(0);
  const std::uint64_t high = noted(stack_high_.read(evidence_, *space), notes, what).value_or(0);
  std::uint64_t bytes = 0;
  const bool go_on = for_each_in_tree(evidence_, *root, {left->offset, right->offset}, left_,
                                      "a process's mappings", notes, [&](std::uint64_t entry) {
                                        if (left_ != 0) --left_;
                                        Mapping mapping = read_entry(entry, low, high, notes);
                                        mapping.pid = process.pid;
                                        bytes += mapping.end - mapping.start;
                                        return visit(mapping);
                                      });
  if (!go_on) return false;
  // The kernel keeps their sum (uvm_map.c): a lost part of the tree shows.
  if (const auto said = size_.read(evidence_, *space); said && *said != bytes)
    notes.add(Note{
        ErrorCode::corrupt,
        fmt::format("a process's mappings have {} bytes, but the kernel counts {}", bytes, *said),
        *space});
  return true;
}

}  // namespace panicroom::openbsd
