#include "core/kernel/freebsd/release_layouts.h"

#include <algorithm>
#include <array>

namespace panicroom::freebsd {
namespace {

/// osreldate of each X.0-RELEASE (the FreeBSD Porter's Handbook); before it lies the development of
/// X, whose structures were still moving.
constexpr std::uint64_t per_branch = 100000;
constexpr std::array<std::uint64_t, 5> first_of_branches = {1100122, 1200086, 1300139, 1400097,
                                                            1500068};

}  // namespace

const ReleaseLayout* release_layout(Architecture architecture, std::uint64_t osreldate) {
  return find_layout(process_layouts(), architecture, osreldate);
}

const ReleaseLayout* branch_layout(Architecture architecture, std::uint64_t osreldate) {
  const auto branch = std::find_if(
      first_of_branches.begin(), first_of_branches.end(),
      [osreldate](std::uint64_t first) { return first / per_branch == osreldate / per_branch; });
  if (branch == first_of_branches.end() || osreldate < *branch) return nullptr;
  const ReleaseLayout* nearest = nullptr;
  for (const ReleaseLayout* layout : process_layouts()) {
    if (layout->architecture != architecture ||
        layout->first / per_branch != osreldate / per_branch)
      continue;
    // They ascend: the last one before the kernel, else the first one after it.
    if (nearest == nullptr || layout->last < osreldate) nearest = layout;
  }
  return nearest;
}

const ReleaseLayout* release_machine_layout(Architecture architecture, std::uint64_t osreldate) {
  return find_layout(machine_layouts(), architecture, osreldate);
}

}  // namespace panicroom::freebsd
