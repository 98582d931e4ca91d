#pragma once

#include <optional>
#include <string_view>

#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/modules.h"
#include "core/kernel/own_variables.h"

namespace panicroom::linux_kernel {

/// As Kernel::own_variable: what DEFINE_PER_CPU made, in the kernel's section of such variables or
/// a module's. `symbols` has those of the modules too. (Linux include/asm-generic/percpu.h,
/// vmlinux.lds.h, kernel/module/main.c.)
Result<std::optional<OwnVariable>> own_variable(Evidence& evidence, const SymbolTable& symbols,
                                                const Modules& modules, std::string_view name,
                                                CpuNumber cpu);

}  // namespace panicroom::linux_kernel
