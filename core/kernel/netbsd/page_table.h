#pragma once

#include <cstdint>
#include <memory>

#include "core/arch/page_table.h"
#include "core/dump/dump.h"
#include "core/kernel/system_of.h"

namespace panicroom::netbsd {

/// The translation of the kernel's addresses: by the roots that a kernel core's header tells; of a
/// memory image by the processors' registers, where the kernel's own words then lie at their
/// symbols, else as find_kernel_tables finds it, how goes to `notes`. Null where there is neither a
/// header nor a kernel file. Errors: those of find_kernel_tables.
Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SystemKernel& kernel,
                                                   Notes& notes);

/// That of a process, whose root is what its pmap has: on aarch64 its lower half alone. Error:
/// `unsupported`.
Result<std::unique_ptr<PageTable>> process_page_table(const Dump& dump, std::uint64_t root);

}  // namespace panicroom::netbsd
