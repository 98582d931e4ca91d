#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {

/// Is called with a pointer that a tree holds; false ends the walk.
using VisitEntry = std::function<bool(std::uint64_t entry)>;

/// Struct maple_tree (Linux include/linux/maple_tree.h, since 6.1).
class MapleTree {
 public:
  /// `what` the tree is, for notes.
  MapleTree(Evidence& evidence, std::string_view what);

  /// Every entry by ascending index; `root` is ma_root. False when `visit` was.
  bool walk(std::uint64_t root, const VisitEntry& visit, Notes& notes);

 private:
  bool node(std::uint64_t entry, unsigned depth, const VisitEntry& visit, Notes& notes);

  Evidence& evidence_;
  std::string_view what_;
  std::uint64_t nodes_left_;  // of all walks together
  Field leaf_slots_{"maple_range_64", "slot"}, leaf_pivots_{"maple_range_64", "pivot"},
      inner_slots_{"maple_arange_64", "slot"}, inner_pivots_{"maple_arange_64", "pivot"};
};

/// Struct xarray (Linux include/linux/xarray.h, since 4.20; struct radix_tree_root is the same).
class XArray {
 public:
  XArray(Evidence& evidence, std::string_view what);

  /// Every pointer by ascending index; `head` is xa_head. False when `visit` was.
  bool walk(std::uint64_t head, const VisitEntry& visit, Notes& notes);

 private:
  bool node(std::uint64_t entry, unsigned depth, const VisitEntry& visit, Notes& notes);

  Evidence& evidence_;
  std::string_view what_;
  std::uint64_t nodes_left_;
  Field slots_{"xa_node", "slots"};
};

}  // namespace panicroom::linux_kernel
