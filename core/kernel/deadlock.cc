#include "core/kernel/deadlock.h"

#include <algorithm>
#include <set>

namespace panicroom {

std::map<std::int64_t, std::int64_t> waits_for(std::span<const Lock> locks) {
  std::map<std::int64_t, std::int64_t> waits;
  for (const Lock& lock : locks)
    if (lock.owner_tid)
      for (const std::int64_t waiter : lock.waiters) waits.emplace(waiter, *lock.owner_tid);
  return waits;
}

std::vector<std::vector<std::int64_t>> deadlocks(std::span<const Lock> locks) {
  const auto waits = waits_for(locks);
  std::vector<std::vector<std::int64_t>> cycles;
  std::set<std::int64_t> seen;
  for (const auto& [start, owner] : waits) {
    // A thread waits for one lock, so each way is walked once and ends in at most one cycle.
    std::vector<std::int64_t> way;
    std::int64_t at = start;
    while (seen.insert(at).second) {
      way.push_back(at);
      const auto next = waits.find(at);
      if (next == waits.end()) break;
      at = next->second;
    }
    auto cycle = std::find(way.begin(), way.end(), at);
    if (cycle == way.end() || !waits.contains(at)) continue;
    std::rotate(cycle, std::min_element(cycle, way.end()), way.end());
    cycles.emplace_back(cycle, way.end());
  }
  std::sort(cycles.begin(), cycles.end());
  return cycles;
}

}  // namespace panicroom
