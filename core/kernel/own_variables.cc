#include "core/kernel/own_variables.h"

#include <fmt/format.h>

#include "core/base/printable.h"

namespace panicroom {
namespace {

/// Ascending numbers as Linux writes lists of processors: "0-3,6".
std::string list_of(std::span<const std::uint64_t> numbers) {
  std::string text;
  for (std::size_t first = 0, end = 0; first < numbers.size(); first = end) {
    for (end = first + 1; end < numbers.size() && numbers[end] == numbers[end - 1] + 1;) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[first]);
    if (end - first > 1) text += fmt::format("-{}", numbers[end - 1]);
  }
  return text;
}

}  // namespace

Failure no_cpu_has_its_own(std::string_view name) {
  return fail(ErrorCode::invalid,
              fmt::format("\"{}\" is no variable of which each processor has its own: none can be "
                          "chosen",
                          printable(name)));
}

Failure no_such_cpu(std::uint64_t wanted, std::span<const std::uint64_t> there) {
  return fail(ErrorCode::invalid,
              there.empty()
                  ? fmt::format("there is no processor {}: none is known", wanted)
                  : fmt::format("there is no processor {}, but {}", wanted, list_of(there)));
}

}  // namespace panicroom
