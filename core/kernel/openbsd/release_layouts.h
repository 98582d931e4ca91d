#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/kernel/release_layout.h"

namespace panicroom::openbsd {

/// Versions are 100 times the first number of osrelease and the second: 705 of "7.5". Nothing for a
/// text that is none.
std::optional<std::uint64_t> version_of(std::string_view osrelease);

/// The layout of that release; null where none is built in.
const ReleaseLayout* release_layout(Architecture architecture, std::uint64_t version);
/// That of the release nearest to it, the older of two; null for an architecture without any.
const ReleaseLayout* nearest_layout(Architecture architecture, std::uint64_t version);

extern const ReleaseLayout openbsd_6_5_amd64;
extern const ReleaseLayout openbsd_7_3_amd64;
extern const ReleaseLayout openbsd_7_4_amd64;
extern const ReleaseLayout openbsd_7_5_amd64;
extern const ReleaseLayout openbsd_7_6_amd64;
extern const ReleaseLayout openbsd_7_3_arm64;
extern const ReleaseLayout openbsd_7_4_arm64;
extern const ReleaseLayout openbsd_7_5_arm64;
extern const ReleaseLayout openbsd_7_6_arm64;

}  // namespace panicroom::openbsd
