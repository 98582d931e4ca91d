#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/analysis/scene.h"

namespace panicroom {

std::string_view name(Confidence confidence);

/// One thing that the analysis found, and where it was read.
struct Statement {
  /// cause, kind, signature, said, thread, instruction, register, operand, frame, holds, waits,
  /// deadlock, machine, memory, blocked or missing; an analysis tells them in this order.
  std::string_view topic;
  std::string text;  ///< raw bytes of the dump may be in it
  Confidence confidence = Confidence::certain;
  std::optional<std::uint64_t> address;  ///< virtual, of the bytes that say so
};

/// Says how the kernel died, of what, and what the machine was doing: first the cause, its kind and
/// signature, which are always there. What cannot be found out is told as `missing`.
void analyze(Kernel& kernel, const std::function<bool(const Statement&)>& visit, Notes& notes);

}  // namespace panicroom
