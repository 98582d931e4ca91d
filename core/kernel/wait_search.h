#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/kernel/kernel.h"

namespace panicroom {

/// Looks for where threads wait. As the stacks themselves (core/tables/frames.cc), all together are
/// bounded by what threads have on average.
class WaitSearch {
 public:
  /// The innermost frame of a thread's stack that `of_scheduler` does not hold for; nothing, where
  /// the thread ran or all of its frames are the scheduler's. A note where it is left out.
  std::optional<std::uint64_t> find(
      Kernel& kernel, const Thread& thread,
      const std::function<bool(const UnwoundFrame& frame)>& of_scheduler, Notes& notes);

 private:
  std::int64_t frames_left_ = 4096;
};

}  // namespace panicroom
