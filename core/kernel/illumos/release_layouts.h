#pragma once

#include "core/base/machine.h"
#include "core/kernel/release_layout.h"

namespace panicroom::illumos {

/// Where members lie in a kernel without types, and of struct modctl and struct module in every
/// kernel until their types are found: these two have hardly changed since 2005. Null where none is
/// built in.
const ReleaseLayout* release_layout(Architecture architecture);

}  // namespace panicroom::illumos
