#pragma once

#include <string>

#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// The layout of that name: of a NetBSD release, or `invented`. Throws std::runtime_error where
/// there is none.
KernelLayout netbsd_layout(const std::string& name, unsigned word);

}  // namespace foundry
