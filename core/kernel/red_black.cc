#include "core/kernel/red_black.h"

#include <fmt/format.h>

#include <vector>

#include "core/base/loop_guard.h"

namespace panicroom {
namespace {

// A red-black tree of n elements is at most 2 log2(n + 1) deep.
constexpr std::size_t deepest = 128;

}  // namespace

bool for_each_in_tree(Structures& structures, std::uint64_t head, const TreeLinks& links,
                      std::uint64_t most, std::string_view what, Notes& notes,
                      const std::function<bool(std::uint64_t)>& visit) {
  VisitOnce guard(most);
  std::vector<std::uint64_t> above;  // whose left side is being visited
  const auto link = [&](std::uint64_t at) -> std::uint64_t {
    const auto element = structures.memory().word(at);
    if (element) return *element;
    notes.add(element.error().within(fmt::format("a part of {} is missing", what)));
    return 0;
  };
  std::uint64_t element = link(head);
  while (element != 0 || !above.empty()) {
    while (element != 0) {
      const auto left = structures.memory().word(element + links.left);
      if (!left) {
        notes.add(left.error().within(fmt::format("a part of {} is missing", what)));
        break;
      }
      const bool again = !guard.step(element);
      if (again || above.size() == deepest) {
        notes.add(Note{ErrorCode::corrupt,
                       again && guard.cyclic() ? fmt::format("{} comes back to an element", what)
                       : again ? fmt::format("{} has more elements than are followed", what)
                               : fmt::format("{} is deeper than a balanced tree can be", what),
                       element});
        return true;
      }
      above.push_back(element);
      element = *left;
    }
    if (above.empty()) break;
    element = above.back();
    above.pop_back();
    if (!visit(element)) return false;
    element = link(element + links.right);
  }
  return true;
}

}  // namespace panicroom
