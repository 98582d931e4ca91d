#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace panicroom {

/// A variable of which each processor, or each network stack, has its own.
struct OwnVariable {
  std::string symbol;         ///< under which the kernel's symbols and types have it
  std::uint64_t address = 0;  ///< of the one that was asked for
};

/// Which processor's is meant, as far as a user said it; else the first one's.
using CpuNumber = std::optional<std::uint64_t>;

/// `invalid`: a processor is said of what there is only one of.
Failure no_cpu_has_its_own(std::string_view name);

/// `invalid`: there is no processor `wanted`; says which there are.
Failure no_such_cpu(std::uint64_t wanted, std::span<const std::uint64_t> there);

}  // namespace panicroom
