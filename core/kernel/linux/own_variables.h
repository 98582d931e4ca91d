#pragma once

#include <optional>
#include <string_view>

#include "core/kernel/linux/evidence.h"
#include "core/kernel/own_variables.h"

namespace panicroom::linux_kernel {

/// As Kernel::own_variable: what DEFINE_PER_CPU made, in the kernel's own section of such
/// variables. (Linux include/asm-generic/percpu.h, vmlinux.lds.h.)
Result<std::optional<OwnVariable>> own_variable(Evidence& evidence, const SymbolTable& symbols,
                                                std::string_view name, CpuNumber cpu);

}  // namespace panicroom::linux_kernel
