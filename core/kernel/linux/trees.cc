#include "core/kernel/linux/trees.h"

#include <fmt/format.h>

namespace panicroom::linux_kernel {
namespace {

constexpr unsigned deepest_tree = 16;  // of 10 branches each at least
constexpr std::uint64_t size_of_maple_node = 256, size_of_array_node = 512;  // bytes, at least

// A maple node's address is a multiple of 256, its kind in bits 3 to 6.
constexpr std::uint64_t maple_node_mask = ~std::uint64_t{0xff};
enum class NodeKind : std::uint8_t { dense = 0, leaf = 1, range = 2, gaps = 3 };
NodeKind kind_of(std::uint64_t entry) { return static_cast<NodeKind>(entry >> 3 & 0xf); }
/// xa_is_node; of a maple tree only its root is marked so, slots of inner nodes are all nodes.
bool is_node(std::uint64_t entry) { return (entry & 3) == 2 && entry > 4096; }

}  // namespace

MapleTree::MapleTree(Evidence& evidence, std::string_view what)
    : evidence_(evidence), what_(what), nodes_left_(most_objects(evidence, size_of_maple_node)) {}

bool MapleTree::walk(std::uint64_t root, const VisitEntry& visit, Notes& notes) {
  if (root == 0) return true;
  return is_node(root) ? node(root, 0, visit, notes) : visit(root);
}

bool MapleTree::node(std::uint64_t entry, unsigned depth, const VisitEntry& visit, Notes& notes) {
  const NodeKind kind = kind_of(entry);
  if (depth == deepest_tree || nodes_left_ == 0 || kind > NodeKind::gaps ||
      kind == NodeKind::dense) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("{} cannot be true", what_), entry});
    return true;
  }
  --nodes_left_;
  const bool gaps = kind == NodeKind::gaps;
  const auto slots = noted((gaps ? inner_slots_ : leaf_slots_).member(evidence_), notes, what_);
  const auto pivots = noted((gaps ? inner_pivots_ : leaf_pivots_).member(evidence_), notes, what_);
  if (!slots || !pivots) return true;
  const std::uint64_t at = entry & maple_node_mask;
  const unsigned word = evidence_.pointer_size();
  AddressSpace& memory = evidence_.memory();
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < slots->count; ++i) {
    // What follows the last used slot is not used: its pivot is zero or the greatest index.
    std::uint64_t pivot = ~std::uint64_t{0};
    if (i < pivots->count) {
      const auto read = noted(memory.word(at + pivots->offset + i * word), notes, what_);
      if (!read) return true;
      pivot = *read;
      if (i != 0 && pivot == 0) pivot = ~std::uint64_t{0};
    }
    if (i != 0 && pivot <= before) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} is out of order", what_), at});
      return true;
    }
    const auto slot = noted(memory.word(at + slots->offset + i * word), notes, what_);
    if (!slot) return true;
    const bool empty = *slot == 0 || (kind == NodeKind::leaf && (*slot & 3) != 0);
    if (!empty && !(kind == NodeKind::leaf ? visit(*slot) : node(*slot, depth + 1, visit, notes)))
      return false;
    if (pivot == ~std::uint64_t{0}) break;
    before = pivot;
  }
  return true;
}

XArray::XArray(Evidence& evidence, std::string_view what)
    : evidence_(evidence), what_(what), nodes_left_(most_objects(evidence, size_of_array_node)) {}

bool XArray::walk(std::uint64_t head, const VisitEntry& visit, Notes& notes) {
  if (head == 0) return true;
  return is_node(head) ? node(head, 0, visit, notes) : visit(head);
}

bool XArray::node(std::uint64_t entry, unsigned depth, const VisitEntry& visit, Notes& notes) {
  if (depth == deepest_tree || nodes_left_ == 0) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("{} cannot be true", what_), entry});
    return true;
  }
  --nodes_left_;
  const auto slots = noted(slots_.member(evidence_), notes, what_);
  if (!slots) return true;
  const std::uint64_t at = (entry & ~std::uint64_t{3}) + slots->offset;
  for (std::uint64_t i = 0; i < slots->count; ++i) {
    const auto slot =
        noted(evidence_.memory().word(at + i * evidence_.pointer_size()), notes, what_);
    if (!slot) return true;
    if (is_node(*slot)) {
      if (!node(*slot, depth + 1, visit, notes)) return false;
    } else if (*slot != 0 && (*slot & 3) == 0 && !visit(*slot)) {
      return false;
    }
  }
  return true;
}

}  // namespace panicroom::linux_kernel
