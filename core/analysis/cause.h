#pragma once

#include <string>

#include "core/analysis/scene.h"

namespace panicroom {

std::string written(const Thread& thread);  ///< "name (tid 12)"
std::string written(const Lock& lock);      ///< "the mutex name"

/// In one sentence what the kernel died of. Raw bytes of the dump may be in it.
std::string cause_of(const Scene& scene, Kernel& kernel, Notes& notes);

}  // namespace panicroom
