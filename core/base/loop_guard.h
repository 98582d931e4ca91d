#pragma once

#include <cstdint>
#include <set>

namespace panicroom {

/// Stops a loop that the dump steers: `step` answers false once the budget is used up or once the
/// walk has come back to a value it has seen (Brent's cycle detection: constant memory, finds a
/// cycle after at most three times its length and tail).
class LoopGuard {
 public:
  explicit LoopGuard(std::uint64_t budget) : budget_(budget) {}

  bool step(std::uint64_t position) {
    if (steps_ == budget_) return false;
    if (steps_ != 0 && position == mark_) {
      cyclic_ = true;
      return false;
    }
    if (++steps_ == next_mark_) {
      mark_ = position;
      next_mark_ *= 2;
    }
    return true;
  }
  /// True when `step` refused because the walk is a cycle, not because the budget was used up.
  bool cyclic() const { return cyclic_; }
  std::uint64_t steps() const { return steps_; }

 private:
  std::uint64_t budget_;
  std::uint64_t steps_ = 0;
  std::uint64_t mark_ = 0;
  std::uint64_t next_mark_ = 1;
  bool cyclic_ = false;
};

/// The same for a walk whose every position is shown: refuses a position at its second time, and
/// remembers them all for that.
class VisitOnce {
 public:
  explicit VisitOnce(std::uint64_t budget) : budget_(budget) {}

  bool step(std::uint64_t position) {
    // The dump chooses the positions: no hash table, which some choice would make slow.
    if (seen_.size() == budget_) return false;
    cyclic_ = !seen_.insert(position).second;
    return !cyclic_;
  }
  /// True when `step` refused because the position came before.
  bool cyclic() const { return cyclic_; }

 private:
  std::uint64_t budget_;
  std::set<std::uint64_t> seen_;
  bool cyclic_ = false;
};

}  // namespace panicroom
