#include "core/kernel/dragonfly/mappings.h"

#include <fmt/format.h>

#include "core/kernel/red_black.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t size_of_entry = 88;  // bytes, at least
constexpr unsigned deepest_chain = 256;      // each copy of a copy adds one

// MAP_ENTRY_*, sys/vm/vm_map.h; VM_MAPTYPE_*, VM_PROT_* and VM_INHERIT_*, sys/vm/vm.h; OBJT_*,
// sys/vm/vm_object.h.
constexpr std::uint64_t flag_stack = 0x2;
constexpr std::uint64_t of_object = 1, of_virtual_page_table = 2;
constexpr std::uint64_t may_read = 1, may_write = 2, may_execute = 4, inherit_share = 0;
constexpr std::uint64_t object_of_vnode = 2;

Failure endless(std::uint64_t entry) {
  return fail_at_address(ErrorCode::corrupt, entry, "the objects behind it have no end");
}

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, NameCache& names)
    : evidence_(evidence), names_(names), left_(most_objects(evidence, size_of_entry)) {}

Result<MappingsReader::Shown> MappingsReader::shown_by_backings(std::uint64_t entry) {
  PANICROOM_TRY(backing, backing_.place(evidence_, entry));
  for (unsigned depth = 0; depth < deepest_chain && steps_left_ != 0; ++depth) {
    --steps_left_;
    PANICROOM_TRY(behind, behind_.read(evidence_, backing));
    if (behind == 0) {
      PANICROOM_TRY(place, backing_object_.place(evidence_, backing));
      PANICROOM_TRY(object, evidence_.memory().word(place));
      PANICROOM_TRY(offset, backing_offset_.read(evidence_, backing));
      return Shown{object, offset};
    }
    backing = behind;
  }
  return endless(entry);
}

Result<MappingsReader::Shown> MappingsReader::shown_by_objects(std::uint64_t entry) {
  PANICROOM_TRY(place, object_.place(evidence_, entry));
  PANICROOM_TRY(object, evidence_.memory().word(place));
  PANICROOM_TRY(offset, offset_.read(evidence_, entry));
  for (unsigned depth = 0; object != 0 && depth < deepest_chain && steps_left_ != 0; ++depth) {
    --steps_left_;
    PANICROOM_TRY(behind, object_behind_.read(evidence_, object));
    if (behind == 0) return Shown{object, offset};
    PANICROOM_TRY(further, object_behind_offset_.read(evidence_, object));
    offset += further;
    object = behind;
  }
  if (object == 0) return Shown{};
  return endless(entry);
}

Mapping MappingsReader::read_entry(std::uint64_t entry, Notes& notes) {
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
  const auto flags = noted(flags_.read(evidence_, entry), notes, "a mapping's flags");
  const auto kind = noted(kind_.read(evidence_, entry), notes, "a mapping's kind");
  if (flags && (*flags & flag_stack) != 0) {
    mapping.path = "[stack]";
    return mapping;
  }
  if (kind != of_object && kind != of_virtual_page_table) return mapping;
  constexpr std::string_view what = "a mapping's object";
  const auto shown = noted(
      backing_.exists(evidence_) ? shown_by_backings(entry) : shown_by_objects(entry), notes, what);
  if (!shown || shown->object == 0) return mapping;
  const auto type = noted(object_type_.read(evidence_, shown->object), notes, what);
  if (type != object_of_vnode) return mapping;
  mapping.offset = shown->offset;
  const auto vnode = noted(handle_.read(evidence_, shown->object), notes, what);
  if (vnode && *vnode != 0) mapping.path = names_.path_of_vnode(*vnode, notes);
  return mapping;
}

bool MappingsReader::read(const Process& process, const Visitor<Mapping>& visit, Notes& notes) {
  constexpr std::string_view what = "a process's mappings";
  const auto space = noted(space_.read(evidence_, process.address), notes, what);
  if (!space || *space == 0) return true;
  const auto root = noted(root_.place(evidence_, *space), notes, what);
  const auto left = noted(left_child_.member(evidence_), notes, what);
  const auto right = noted(right_child_.member(evidence_), notes, what);
  if (!root || !left || !right) return true;
  std::uint64_t found = 0, before = 0;
  bool in_order = true;
  const bool go_on = for_each_in_tree(evidence_, *root, {left->offset, right->offset}, left_, what,
                                      notes, [&](std::uint64_t entry) {
                                        if (left_ != 0) --left_;
                                        Mapping mapping = read_entry(entry, notes);
                                        in_order = in_order && mapping.start >= before;
                                        before = mapping.start;
                                        ++found;
                                        mapping.pid = process.pid;
                                        return visit(mapping);
                                      });
  if (!go_on) return false;
  if (!in_order)
    notes.add(Note{ErrorCode::corrupt, fmt::format("{} are out of order", what), *space});
  const auto count = noted(count_.read(evidence_, *space), notes, what);
  if (count && *count != found)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{} are said to be {}, but {} were found", what, *count, found),
                   *space});
  return true;
}

}  // namespace panicroom::dragonfly
