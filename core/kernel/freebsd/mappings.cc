#include "core/kernel/freebsd/mappings.h"

#include <fmt/format.h>

#include "core/base/loop_guard.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t size_of_entry = 88;  // bytes, at least
constexpr unsigned deepest_objects = 256;    // each copy of a copy adds one

// MAP_ENTRY_*, sys/vm/vm_map.h; OBJT_*, VM_PROT_* and VM_INHERIT_*, sys/vm/vm.h.
constexpr std::uint64_t flag_sub_map = 0x2, flag_grows_down = 0x1000, flag_guard = 0x10000;
constexpr std::uint64_t may_read = 1, may_write = 2, may_execute = 4, inherit_share = 0;
constexpr std::uint64_t object_of_swap = 1, object_of_vnode = 2;
constexpr std::uint64_t flag_tmpfs = 0x8000;  // OBJ_TMPFS, sys/vm/vm_object.h until FreeBSD 13

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), left_(most_objects(evidence, size_of_entry)) {}

/// The entry with the next higher address; the header after the last.
Result<std::uint64_t> MappingsReader::after(std::uint64_t entry) {
  if (next_.exists(evidence_)) return next_.read(evidence_, entry);
  PANICROOM_TRY(start, start_.read(evidence_, entry));
  PANICROOM_TRY(right, right_child_.read(evidence_, entry));
  PANICROOM_TRY(beside, left_child_.read(evidence_, right));
  PANICROOM_TRY(beside_start, start_.read(evidence_, beside));
  if (beside_start <= start) return right;
  // It is the leftmost below: the one whose left leads back here.
  std::uint64_t at = right, left = beside;
  while (left != entry) {
    if (steps_left_ == 0)
      return fail_at_address(ErrorCode::corrupt, entry, "the tree of mappings has no end");
    --steps_left_;
    at = left;
    PANICROOM_TRY(further, left_child_.read(evidence_, at));
    left = further;
  }
  return at;
}

bool MappingsReader::entries(std::uint64_t header, std::optional<std::uint64_t> count,
                             const VisitEntry& visit, Notes& notes) {
  constexpr std::string_view what = "a process's mappings";
  VisitOnce guard(left_);
  // The header is below all entries: its own start is the highest address.
  auto entry = next_.exists(evidence_) ? next_.read(evidence_, header)
                                       : right_child_.read(evidence_, header);
  std::uint64_t before = 0, found = 0;
  while (entry && *entry != header) {
    if (*entry == 0 || !guard.step(*entry)) {
      notes.add(
          Note{ErrorCode::corrupt, fmt::format("{} do not lead back to their head", what), *entry});
      return true;
    }
    const auto start = start_.read(evidence_, *entry);
    if (start && *start < before) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} are out of order", what), *entry});
      return true;
    }
    if (start) before = *start;
    ++found;
    if (!visit(*entry)) return false;
    entry = after(*entry);
  }
  if (!entry)
    notes.add(entry.error().within(fmt::format("{} break off", what)));
  else if (count && *count != found)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{} are said to be {}, but {} were found", what, *count, found),
                   header});
  return true;
}

std::optional<std::uint64_t> MappingsReader::tmpfs_type() {
  if (!tmpfs_type_) {
    const auto told = evidence_.variable("tmpfs_pager_type", 4);
    tmpfs_type_ = told ? std::optional(*told) : std::nullopt;
  }
  return *tmpfs_type_;
}

/// Since FreeBSD 14 objects of tmpfs's files have a type of their own and know the vnode or its
/// node (sys/fs/tmpfs).
std::optional<std::uint64_t> MappingsReader::tmpfs_vnode_of(std::uint64_t object, Notes& notes) {
  constexpr std::string_view what = "a mapped file of tmpfs";
  const auto held = noted(tmpfs_private_.read(evidence_, object), notes, what);
  if (!held || *held == 0) return std::uint64_t{0};
  // The vnode is the one that leads back to the object.
  if (vnode_object_.read(evidence_, *held) == object) return *held;
  return noted(node_vnode_.read(evidence_, *held), notes, what);
}

std::optional<std::uint64_t> MappingsReader::vnode_of(std::uint64_t object, Notes& notes) {
  constexpr std::string_view what = "a mapping's object";
  const auto type = noted(object_type_.read(evidence_, object), notes, what);
  if (type == object_of_vnode) return noted(handle_.read(evidence_, object), notes, what);
  if (!type) return std::nullopt;
  if (*type == object_of_swap && tmpfs_vnode_.exists(evidence_)) {
    const auto flags = noted(object_flags_.read(evidence_, object), notes, what);
    if (flags && (*flags & flag_tmpfs) != 0)
      return noted(tmpfs_vnode_.read(evidence_, object), notes, what);
  }
  if (tmpfs_private_.exists(evidence_) && tmpfs_type() == type)
    return tmpfs_vnode_of(object, notes);
  return std::nullopt;
}

void MappingsReader::read_object(std::uint64_t object, Mapping& mapping, Notes& notes) {
  constexpr std::string_view what = "a mapping's object";
  // A copy lies above what it is a copy of.
  for (unsigned depth = 0; depth < deepest_objects && steps_left_ != 0; ++depth) {
    --steps_left_;
    const auto behind = noted(behind_.read(evidence_, object), notes, what);
    if (!behind) return;
    if (*behind == 0) {
      const auto vnode = vnode_of(object, notes);
      if (!vnode) mapping.offset = std::nullopt;
      if (!vnode || *vnode == 0) return;
      mapping.path = vnodes_.path(*vnode, notes);
      mapping.inode = vnodes_.inode(*vnode, notes);
      return;
    }
    const auto offset = noted(behind_offset_.read(evidence_, object), notes, what);
    if (offset && mapping.offset) *mapping.offset += *offset;
    object = *behind;
  }
  notes.add(Note{ErrorCode::corrupt, "the objects behind a mapping have no end", object});
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
  if (!flags || (*flags & (flag_sub_map | flag_guard)) != 0) return mapping;
  if ((*flags & flag_grows_down) != 0) {
    mapping.path = "[stack]";
    return mapping;
  }
  const auto object = noted(object_.read(evidence_, entry), notes, "a mapping's object");
  if (!object || *object == 0) return mapping;
  mapping.offset = noted(offset_.read(evidence_, entry), notes, "a mapping's offset");
  read_object(*object, mapping, notes);
  return mapping;
}

bool MappingsReader::read(const Process& process, const Visitor<Mapping>& visit, Notes& notes) {
  const auto space = noted(space_.read(evidence_, process.address), notes, "a process's memory");
  if (!space || *space == 0) return true;
  const auto header = noted(header_.place(evidence_, *space), notes, "a process's mappings");
  if (!header) return true;
  const auto count = noted(count_.read(evidence_, *space), notes, "a process's mappings");
  return entries(
      *header, count,
      [&](std::uint64_t entry) {
        if (left_ == 0) {
          notes.add(Note{ErrorCode::corrupt, "there are more mappings than the memory can hold",
                         std::nullopt});
          return false;
        }
        --left_;
        Mapping mapping = read_entry(entry, notes);
        mapping.pid = process.pid;
        return visit(mapping);
      },
      notes);
}

}  // namespace panicroom::freebsd
