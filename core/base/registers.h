#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace panicroom {

/// The registers known of a processor or of a switched-out thread. The three that every unwinder
/// needs have names of their own; `others` holds whatever else is known, under the architecture's
/// usual names ("rbx", "x19", "cr3"), in the source's order.
struct Registers {
  std::optional<std::uint64_t> pc;
  std::optional<std::uint64_t> sp;
  std::optional<std::uint64_t> fp;
  std::vector<std::pair<std::string, std::uint64_t>> others;

  std::optional<std::uint64_t> find(std::string_view name) const {
    for (const auto& [key, value] : others)
      if (key == name) return value;
    return std::nullopt;
  }
};

}  // namespace panicroom
