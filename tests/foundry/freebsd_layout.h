#pragma once

#include <string>

#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// A FreeBSD kernel's. Throws std::runtime_error where there is none of that name. `word`: bytes of
/// a pointer.
KernelLayout freebsd_layout(const std::string& name, unsigned word);

}  // namespace foundry
