#include "core/kernel/lists.h"

#include <fmt/format.h>

#include "core/base/loop_guard.h"

namespace panicroom {
namespace {

constexpr std::size_t longest_text = 1024;  // MAXPATHLEN

}  // namespace

bool for_each_listed(Structures& structures, std::uint64_t head, std::uint64_t link,
                     std::uint64_t most, std::string_view what, Notes& notes,
                     const std::function<bool(std::uint64_t)>& visit) {
  VisitOnce guard(most);
  auto element = structures.memory().word(head);
  while (element && *element != 0) {
    if (!guard.step(*element)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic() ? fmt::format("{} is a cycle", what)
                                    : fmt::format("{} has more elements than are followed", what),
                     *element});
      return true;
    }
    // The next link is read first: an element that cannot be read ends the walk, not the answer.
    const auto next = structures.memory().word(*element + link);
    if (next && !visit(*element)) return false;
    element = next;
  }
  if (!element) notes.add(element.error().within(fmt::format("{} breaks off", what)));
  return true;
}

std::optional<std::string> text_behind(Structures& structures, const Field& field,
                                       std::uint64_t object, std::string_view what, Notes& notes) {
  const auto at = noted(field.read(structures, object), notes, what);
  if (!at || *at == 0) return std::nullopt;
  return noted(structures.memory().string(*at, longest_text), notes, what);
}

}  // namespace panicroom
