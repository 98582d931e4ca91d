#pragma once

#include <span>
#include <string>
#include <string_view>

namespace panicroom {

/// ": did you mean ps?" when one of `known` is at most two insertions, deletions, replacements or
/// exchanges of neighbours away from what was typed; else nothing.
std::string did_you_mean(std::string_view typed, std::span<const std::string> known);

}  // namespace panicroom
