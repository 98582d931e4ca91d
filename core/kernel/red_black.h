#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/kernel/kernel.h"
#include "core/kernel/structures.h"

namespace panicroom {

/// Where an element of a red-black tree (BSD's sys/tree.h) keeps its links, bytes into it.
struct TreeLinks {
  std::uint64_t left = 0, right = 0;
};

/// Visits the elements of the tree whose first element's address lies at `head` (0 when empty), in
/// order. At most `most` are visited; a tree that is larger, comes back to an element, is deeper
/// than a balanced one or cannot be read as a whole gets a note that begins with `what`. False when
/// `visit` was.
bool for_each_in_tree(Structures& structures, std::uint64_t head, const TreeLinks& links,
                      std::uint64_t most, std::string_view what, Notes& notes,
                      const std::function<bool(std::uint64_t)>& visit);

}  // namespace panicroom
