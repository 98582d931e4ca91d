#include "core/kernel/log_limit.h"

#include <fmt/format.h>

namespace panicroom {
namespace {

// The largest log buffers have 64 MiB, and a line has some 60 bytes.
constexpr std::uint64_t most_lines = 1U << 20U;

}  // namespace

LogVisitor at_most_log_lines(const LogVisitor& visit, Notes& notes) {
  return [&visit, &notes, lines = std::uint64_t{0}](const LogLine& line) mutable {
    if (lines == most_lines) {
      notes.add(
          Note{ErrorCode::corrupt,
               fmt::format("the log has more than {} lines: the rest is left out", most_lines),
               std::nullopt});
      return false;
    }
    ++lines;
    return visit(line);
  };
}

}  // namespace panicroom
