#include "native/cli/did_you_mean.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace panicroom {
namespace {

/// Edit distance of Damerau and Levenshtein in its restricted form: no part is edited twice.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) best[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) best[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      best[i][j] = std::min({best[i - 1][j] + 1, best[i][j - 1] + 1,
                             best[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best[i][j] = std::min(best[i][j], best[i - 2][j - 2] + 1);
    }
  return best[a.size()][b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view typed, std::span<const std::string> known) {
  constexpr std::size_t longest = 40, furthest = 2;
  if (typed.size() > longest) return "";
  const std::string* nearest = nullptr;
  std::size_t least = std::min(furthest, typed.size() / 2) + 1;
  for (const std::string& word : known)
    if (const std::size_t edits = distance(typed, word); edits < least) {
      least = edits;
      nearest = &word;
    }
  return nearest ? fmt::format(": did you mean {}?", *nearest) : "";
}

}  // namespace panicroom
