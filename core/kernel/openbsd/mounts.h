#pragma once

#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// What mount(8) shows, in the order in which they were mounted.
Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes);

}  // namespace panicroom::openbsd
