#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/kernel/facts.h"

namespace panicroom {

/// Which thread waits for which: thread ids, from one that waits to the owner of the lock. A lock
/// without a known owner, or that its owner alone waits for, is in it too (the latter as a cycle of
/// one).
std::map<std::int64_t, std::int64_t> waits_for(std::span<const Lock> locks);

/// The cycles among them, each from its smallest thread id on: each thread waits for the next, the
/// last for the first.
std::vector<std::vector<std::int64_t>> deadlocks(std::span<const Lock> locks);

}  // namespace panicroom
