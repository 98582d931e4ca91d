#include "core/kernel/openbsd/release_layouts.h"

#include <array>
#include <charconv>

namespace panicroom::openbsd {
namespace {

constexpr std::array<const ReleaseLayout*, 9> known = {
    &openbsd_6_5_amd64, &openbsd_7_3_amd64, &openbsd_7_4_amd64,
    &openbsd_7_5_amd64, &openbsd_7_6_amd64, &openbsd_7_3_arm64,
    &openbsd_7_4_arm64, &openbsd_7_5_arm64, &openbsd_7_6_arm64};

}  // namespace

std::optional<std::uint64_t> version_of(std::string_view osrelease) {
  const char* const end = osrelease.data() + osrelease.size();
  unsigned major = 0, minor = 0;
  const auto first = std::from_chars(osrelease.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc{} || major > 99 || minor > 99) return std::nullopt;
  return std::uint64_t{100} * major + minor;
}

const ReleaseLayout* release_layout(Architecture architecture, std::uint64_t version) {
  return find_layout(known, architecture, version);
}

const ReleaseLayout* nearest_layout(Architecture architecture, std::uint64_t version) {
  const auto distance = [version](const ReleaseLayout& layout) {
    return layout.first > version ? layout.first - version : version - layout.first;
  };
  const ReleaseLayout* nearest = nullptr;
  for (const ReleaseLayout* layout : known)
    if (layout->architecture == architecture &&
        (nearest == nullptr || distance(*layout) < distance(*nearest)))
      nearest = layout;
  return nearest;
}

}  // namespace panicroom::openbsd
