#include "core/kernel/illumos/mappings.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "core/base/loop_guard.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t size_of_segment = 56;  // bytes, at least
constexpr std::size_t deepest_tree = 128;      // an AVL tree of 2^64 nodes has under 93 levels
// uts/common/sys/mman.h.
constexpr std::uint64_t may_read = 1, may_write = 2, may_execute = 4, map_shared = 1;

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), left_(most_objects(evidence, size_of_segment)) {
  if (const auto operations = evidence.address_of("segvn_ops")) vnode_operations_ = *operations;
}

std::optional<std::string> MappingsReader::role(const Mapping& mapping, std::uint64_t process,
                                                Notes& notes) {
  constexpr std::string_view what = "where a process's heap and stack lie";
  const auto heap = noted(heap_.read(evidence_, process), notes, what);
  const auto heap_size = noted(heap_size_.read(evidence_, process), notes, what);
  if (heap && heap_size && *heap_size != 0 && mapping.start < *heap + *heap_size &&
      mapping.end > *heap)
    return "[heap]";
  const auto top = noted(stack_top_.read(evidence_, process), notes, what);
  const auto size = noted(stack_size_.read(evidence_, process), notes, what);
  if (top && size && *size != 0 && *size <= *top && mapping.start < *top &&
      mapping.end > *top - *size)
    return "[stack]";
  return std::nullopt;
}

std::optional<std::string> MappingsReader::driver(std::uint64_t operations) {
  const auto& symbols = evidence_.symbols();
  const auto symbol = symbols ? symbols->at(operations) : std::nullopt;
  if (!symbol || symbol->address != operations) return std::nullopt;
  std::string_view name = symbol->name;
  if (name.ends_with("_ops")) name.remove_suffix(4);
  return fmt::format("[{}]", name);
}

void MappingsReader::read_vnode_segment(std::uint64_t data, Mapping& mapping, Notes& notes) {
  const auto protection = noted(protection_.read(evidence_, data), notes, "a mapping's access");
  const auto type = noted(type_.read(evidence_, data), notes, "a mapping's access");
  if (protection && type)
    mapping.access = fmt::format("{}{}{}{}", (*protection & may_read) != 0 ? 'r' : '-',
                                 (*protection & may_write) != 0 ? 'w' : '-',
                                 (*protection & may_execute) != 0 ? 'x' : '-',
                                 (*type & map_shared) != 0 ? 's' : 'p');
  const auto vnode = noted(vnode_.read(evidence_, data), notes, "a mapping's file");
  if (!vnode || *vnode == 0) return;
  mapping.offset = noted(offset_.read(evidence_, data), notes, "a mapping's offset");
  mapping.path = vnodes_.path(*vnode, notes);
  mapping.device = vnodes_.device(*vnode, notes);
}

Mapping MappingsReader::read_segment(std::uint64_t segment, const Process& process, Notes& notes) {
  constexpr std::string_view what = "a mapping's place";
  Mapping mapping;
  mapping.pid = process.pid;
  mapping.address = segment;
  mapping.start = noted(base_.read(evidence_, segment), notes, what).value_or(0);
  if (const auto size = noted(size_.read(evidence_, segment), notes, what))
    mapping.end = evidence_.moved(mapping.start, *size);
  const auto operations = noted(operations_.read(evidence_, segment), notes, "a mapping's kind");
  const auto data = noted(data_.read(evidence_, segment), notes, "a mapping's kind");
  if (!operations || !data) return mapping;
  if (*operations == vnode_operations_ && vnode_operations_ != 0) {
    if (*data != 0) read_vnode_segment(*data, mapping, notes);
    if (!mapping.path) mapping.path = role(mapping, process.address, notes);
  } else {
    mapping.path = driver(*operations);
  }
  return mapping;
}

bool MappingsReader::read(const Process& process, const Visitor<Mapping>& visit, Notes& notes) {
  constexpr std::string_view what = "a process's mappings";
  const auto space = noted(space_.read(evidence_, process.address), notes, what);
  if (!space || *space == 0) return true;
  const auto tree = noted(tree_.place(evidence_, *space), notes, what);
  const auto children = noted(children_.member(evidence_), notes, what);
  if (!tree || !children) return true;
  const auto root = noted(root_.read(evidence_, *tree), notes, what);
  const auto said = noted(count_.read(evidence_, *tree), notes, what);
  // The kernel keeps where the node lies in a segment; the types say it too.
  const auto kept = noted(link_.read(evidence_, *tree), notes, what);
  const auto own = node_.member(evidence_);
  if (!root || !kept) return true;
  const std::uint64_t link = own ? own->offset : *kept;
  if (own && *kept != own->offset && *root != 0) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{}: their tree says that its nodes lie {} bytes in, expected {}",
                               what, *kept, own->offset),
                   *tree});
    return true;
  }
  VisitOnce guard(left_);
  std::vector<std::uint64_t> path;  // nodes whose right side is still to come
  std::uint64_t node = *root, found = 0;
  const auto broken = [&](std::string_view why, std::uint64_t at) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("{}: their tree {}", what, why), at});
    return true;
  };
  while (node != 0 || !path.empty()) {
    while (node != 0) {
      if (!guard.step(node))
        return broken(guard.cyclic() ? "comes back to a node" : "has more nodes than can be", node);
      if (path.size() == deepest_tree) return broken("is deeper than can be", node);
      path.push_back(node);
      const auto left = noted(evidence_.memory().word(node + children->offset), notes, what);
      node = left.value_or(0);
    }
    node = path.back();
    path.pop_back();
    ++found;
    if (left_ == 0) {
      broken("has more nodes than can be", node);
      return false;
    }
    --left_;
    const auto right = noted(
        evidence_.memory().word(node + children->offset + evidence_.pointer_size()), notes, what);
    if (!visit(read_segment(node - link, process, notes))) return false;
    node = right.value_or(0);
  }
  if (said && *said != found)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{} are said to be {}, but {} were found", what, *said, found),
                   *tree});
  return true;
}

}  // namespace panicroom::illumos
