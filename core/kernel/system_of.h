#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/kernel/kernel.h"
#include "core/symbols/symbol_table.h"

namespace panicroom {

enum class System : std::uint8_t { dragonfly, openbsd, netbsd, illumos, linux_kernel, freebsd };
std::string_view name(System system);

/// Whose kernel has these symbols, by variables and functions that only its kernels define.
std::optional<System> system_of(const SymbolTable& symbols);

/// A kernel file of a system.
struct SystemKernel {
  std::shared_ptr<const SymbolTable> symbols;  ///< null where there is no such file
  SourcePtr file;
};

/// The first kernel file that is of that system and of the dump's architecture; modules, which may
/// stand before it, are for their types and lines. A file that cannot be read or is another
/// system's says so.
SystemKernel kernel_of(const KernelInputs& inputs, System system, Notes& notes);
/// Its symbols alone.
std::shared_ptr<const SymbolTable> symbols_of_kernel(const KernelInputs& inputs, System system,
                                                     Notes& notes);

}  // namespace panicroom
