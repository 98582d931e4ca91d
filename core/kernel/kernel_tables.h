#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/arch/page_table.h"
#include "core/base/error.h"
#include "core/dump/dump.h"
#include "core/kernel/root_symbols.h"
#include "core/kernel/system_of.h"

namespace panicroom {

struct KernelTables {
  std::unique_ptr<PageTable> table;
  std::uint64_t root = 0;      ///< physical
  std::string_view paging;     ///< as stated_page_table has it
  std::optional<Note> remark;  ///< when they were found another way than by the kernel's own word
};

/// The page tables of a kernel of which the dump holds physical memory alone, as QEMU and libvirt
/// write it. They are those that processors used (CR3 in QEMU's notes), or that one of the system's
/// root symbols names in the image of the kernel, which is found by its code wherever it was
/// loaded; last, any that map that image. Each is proved: it must map the code of the kernel's file
/// to memory that holds it. Errors: `unsupported` when the file has no code to compare, `corrupt`
/// when no tables map it, `not_in_dump` when the code is nowhere in memory; the texts say what was
/// tried.
Result<KernelTables> find_kernel_tables(const Dump& dump, const SystemKernel& kernel,
                                        System system);

}  // namespace panicroom
