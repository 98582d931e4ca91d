#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/kernel/release_layout.h"

namespace panicroom::netbsd {

/// __NetBSD_Version__ (sys/sys/param.h) of an osrelease: 799000400 of "7.99.4"; 0 where it is none.
std::uint64_t version_of(std::string_view release);

/// Those that are built in, ascending for each architecture.
std::span<const ReleaseLayout* const> release_layouts();

}  // namespace panicroom::netbsd
