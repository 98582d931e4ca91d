#include "core/kernel/wait_search.h"

namespace panicroom {

std::optional<std::uint64_t> WaitSearch::find(
    Kernel& kernel, const Thread& thread,
    const std::function<bool(const UnwoundFrame& frame)>& of_scheduler, Notes& notes) {
  if (thread.cpu || thread.state == "running") return std::nullopt;
  frames_left_ += 64;
  if (frames_left_ <= 0) {
    notes.add(Note{ErrorCode::corrupt,
                   "where this thread waits is left out: the stacks together have more frames than "
                   "threads have on average",
                   thread.address});
    return std::nullopt;
  }
  const auto frames = kernel.stack(thread, notes).frames;
  frames_left_ -= static_cast<std::int64_t>(frames.size());
  for (const UnwoundFrame& frame : frames)
    if (!of_scheduler(frame)) return frame.pc;
  return std::nullopt;
}

}  // namespace panicroom
