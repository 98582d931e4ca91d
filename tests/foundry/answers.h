#pragma once

#include "tests/foundry/description.h"
#include "tests/foundry/json.h"

namespace foundry {

/// What a reader must answer of a description's dumps, by the description alone: the machine, its
/// memory and mappings, the kernel's processes, threads and log. docs/foundry.md has the members.
Json answers(const Description& description);

}  // namespace foundry
