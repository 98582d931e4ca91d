#pragma once

#include <string>

#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// The structures of an OpenBSD kernel: "invented", or those of a release ("openbsd-7.4-amd64").
/// Throws std::runtime_error where there is none of that name.
KernelLayout openbsd_layout(const std::string& name, unsigned word);

}  // namespace foundry
