#pragma once

#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// The mounted file systems: a list of struct mounts, since NetBSD 8 of entries that lead to them.
Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes);

}  // namespace panicroom::netbsd
