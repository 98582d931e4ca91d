#pragma once

#include <memory>

#include "core/arch/page_table.h"

namespace panicroom {

/// AArch64's two table registers: `lower` translates the addresses whose highest bit is clear,
/// `upper` the others.
std::unique_ptr<PageTable> two_halves(std::unique_ptr<PageTable> lower,
                                      std::unique_ptr<PageTable> upper);

}  // namespace panicroom
