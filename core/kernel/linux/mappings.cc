#include "core/kernel/linux/mappings.h"

#include <fmt/format.h>

#include <array>

#include "core/base/loop_guard.h"
#include "core/kernel/linux/files.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t size_of_area = 128, size_of_node = 256;  // bytes, at least
constexpr unsigned deepest_tree = 16;                            // of 10 branches each
constexpr std::size_t longest_name = 256;

// Linux include/linux/maple_tree.h: a node's address is a multiple of 256, its kind in bits 3 to 6.
constexpr std::uint64_t node_mask = ~std::uint64_t{0xff};
enum class NodeKind : std::uint8_t { dense = 0, leaf = 1, range = 2, gaps = 3 };
NodeKind kind_of(std::uint64_t entry) { return static_cast<NodeKind>(entry >> 3 & 0xf); }
/// Of the root (Linux include/linux/xarray.h, xa_is_node); the slots of inner nodes are all nodes.
bool is_node(std::uint64_t entry) { return (entry & 3) == 2 && entry > 4096; }

// Linux include/linux/mm.h, VM_*.
constexpr std::uint64_t flag_read = 1, flag_write = 2, flag_execute = 4, flag_may_share = 0x80;

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, Paths& paths)
    : evidence_(evidence),
      paths_(paths),
      nodes_left_(most_objects(evidence, size_of_node)),
      areas_left_(most_objects(evidence, size_of_area)) {}

bool MappingsReader::node(std::uint64_t entry, unsigned depth, const VisitArea& visit,
                          Notes& notes) {
  constexpr std::string_view what = "a process's tree of mappings";
  const NodeKind kind = kind_of(entry);
  if (depth == deepest_tree || nodes_left_ == 0 || kind > NodeKind::gaps ||
      kind == NodeKind::dense) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("{} cannot be true", what), entry});
    return true;
  }
  --nodes_left_;
  const bool gaps = kind == NodeKind::gaps;
  const auto slots = noted((gaps ? inner_slots_ : leaf_slots_).member(evidence_), notes, what);
  const auto pivots = noted((gaps ? inner_pivots_ : leaf_pivots_).member(evidence_), notes, what);
  if (!slots || !pivots) return true;
  const std::uint64_t at = entry & node_mask;
  const unsigned word = evidence_.pointer_size();
  AddressSpace& memory = evidence_.memory();
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < slots->count; ++i) {
    // What follows the last used slot is not used: its pivot is zero or the greatest index.
    std::uint64_t pivot = ~std::uint64_t{0};
    if (i < pivots->count) {
      const auto read = noted(memory.word(at + pivots->offset + i * word), notes, what);
      if (!read) return true;
      pivot = *read;
      if (i != 0 && pivot == 0) pivot = ~std::uint64_t{0};
    }
    if (i != 0 && pivot <= before) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} is out of order", what), at});
      return true;
    }
    const auto slot = noted(memory.word(at + slots->offset + i * word), notes, what);
    if (!slot) return true;
    const bool empty = *slot == 0 || (kind == NodeKind::leaf && (*slot & 3) != 0);
    if (!empty && !(kind == NodeKind::leaf ? visit(*slot) : node(*slot, depth + 1, visit, notes)))
      return false;
    if (pivot == ~std::uint64_t{0}) break;
    before = pivot;
  }
  return true;
}

bool MappingsReader::areas(std::uint64_t mm, const VisitArea& visit, Notes& notes) {
  constexpr std::string_view what = "a process's mappings";
  if (tree_root_.exists(evidence_)) {
    const auto root = noted(tree_root_.read(evidence_, mm), notes, what);
    if (!root || *root == 0) return true;
    return is_node(*root) ? node(*root, 0, visit, notes) : visit(*root);
  }
  LoopGuard guard(areas_left_);
  auto area = noted(first_.read(evidence_, mm), notes, what);
  while (area && *area != 0) {
    if (!guard.step(*area)) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} have no end", what), *area});
      return true;
    }
    if (!visit(*area)) return false;
    area = noted(next_.read(evidence_, *area), notes, what);
  }
  return true;
}

/// Linux fs/proc/task_mmu.c, show_map_vma.
void MappingsReader::name_anonymous(std::uint64_t mm, std::uint64_t area, Mapping& mapping) {
  AddressSpace& memory = evidence_.memory();
  if (const auto operations = operations_.read(evidence_, area); operations && *operations != 0) {
    // By the function that names it: not every kernel's symbols name variables.
    const auto special = evidence_.address_of("special_mapping_name");
    const auto names = operations_name_.read(evidence_, *operations);
    const auto described = private_.read(evidence_, area);
    if (special && names && described && *names == *special)
      if (const auto text = special_name_.read(evidence_, *described))
        if (auto name = memory.string(*text, longest_name)) {
          mapping.path = std::move(*name);
          return;
        }
  }
  const auto heap_start = heap_start_.read(evidence_, mm), heap_end = heap_end_.read(evidence_, mm);
  const auto stack = stack_start_.read(evidence_, mm);
  if (heap_start && heap_end && mapping.start <= *heap_end && mapping.end >= *heap_start &&
      *heap_start != *heap_end) {
    mapping.path = "[heap]";
    return;
  }
  if (stack && mapping.start <= *stack && mapping.end >= *stack) {
    mapping.path = "[stack]";
    return;
  }
  if (const auto own = own_name_.read(evidence_, area); own && *own != 0)
    if (const auto at = own_name_text_.place(evidence_, *own))
      if (const auto text = memory.string(*at, longest_name))
        mapping.path = fmt::format("[anon:{}]", *text);
}

Mapping MappingsReader::read_area(std::uint64_t mm, std::uint64_t area, Notes& notes) {
  Mapping mapping;
  mapping.address = area;
  mapping.start = noted(start_.read(evidence_, area), notes, "a mapping's start").value_or(0);
  mapping.end = noted(end_.read(evidence_, area), notes, "a mapping's end").value_or(0);
  if (const auto flags = noted(flags_.read(evidence_, area), notes, "a mapping's access"))
    mapping.access = fmt::format(
        "{}{}{}{}", (*flags & flag_read) != 0 ? 'r' : '-', (*flags & flag_write) != 0 ? 'w' : '-',
        (*flags & flag_execute) != 0 ? 'x' : '-', (*flags & flag_may_share) != 0 ? 's' : 'p');
  const auto file = noted(file_.read(evidence_, area), notes, "a mapping's file");
  if (!file) return mapping;
  if (*file == 0) {
    name_anonymous(mm, area, mapping);
    return mapping;
  }
  if (const auto page = noted(page_.read(evidence_, area), notes, "a mapping's offset"))
    mapping.offset = *page * evidence_.memory().machine().page_size;
  if (const auto at = noted(path_.place(evidence_, *file), notes, "a mapping's file"))
    if (const auto path = paths_.at(*at, notes)) {
      mapping.path = path->text;
      mapping.deleted = path->deleted;
    }
  const auto inode = noted(inode_.read(evidence_, *file), notes, "a mapping's file");
  if (!inode || *inode == 0) return mapping;
  mapping.inode = noted(number_.read(evidence_, *inode), notes, "a mapping's file");
  if (const auto super = noted(super_.read(evidence_, *inode), notes, "a mapping's file system"))
    if (const auto device = noted(device_.read(evidence_, *super), notes, "a mapping's device"))
      mapping.device = device_text(*device);
  return mapping;
}

bool MappingsReader::read(std::uint64_t task, const Process& process, const Visitor<Mapping>& visit,
                          Notes& notes) {
  const auto mm = noted(mm_.read(evidence_, task), notes, "a process's memory");
  if (!mm || *mm == 0) return true;
  return areas(
      *mm,
      [&](std::uint64_t area) {
        if (areas_left_ == 0) {
          notes.add(Note{ErrorCode::corrupt, "there are more mappings than the memory can hold",
                         std::nullopt});
          return false;
        }
        --areas_left_;
        Mapping mapping = read_area(*mm, area, notes);
        mapping.pid = process.pid;
        return visit(mapping);
      },
      notes);
}

}  // namespace panicroom::linux_kernel
