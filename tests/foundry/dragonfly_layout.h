#pragma once

#include <string>

#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// A DragonFly kernel's. Throws std::runtime_error where there is none of that name.
KernelLayout dragonfly_layout(const std::string& name);

}  // namespace foundry
