#include "core/kernel/netbsd/release_layouts.h"

#include <array>
#include <charconv>

namespace panicroom::netbsd {

std::uint64_t version_of(std::string_view release) {
  // MMmmrrpp00: major, minor, release letter (no longer used), patch.
  constexpr std::array<std::uint64_t, 3> weights = {100000000, 1000000, 100};
  std::uint64_t version = 0;
  const char* at = release.data();
  const char* const end = at + release.size();
  for (const std::uint64_t weight : weights) {
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) return 0;
    if (number > 99) return 0;
    version += number * weight;
    if (rest == end || *rest != '.') return version;  // "9.3", "10.0_STABLE"
    at = rest + 1;
  }
  return version;
}

}  // namespace panicroom::netbsd
