#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/arch/page_table.h"
#include "core/dump/dump.h"
#include "core/kernel/system_of.h"

namespace panicroom::openbsd {

/// Makes the tables of an address space from what the kernel keeps as their root.
using TablesOf = std::function<std::unique_ptr<PageTable>(std::uint64_t root)>;

/// How a kernel's memory is mapped, and whether the kernel file is of this very kernel.
struct KernelMap {
  std::unique_ptr<PageTable> table;  ///< null: not found
  TablesOf tables_of;                ///< x86: of a process, whose tables are like the kernel's own
  bool image_alone = false;          ///< the table maps nothing but what was loaded with the kernel
  bool fits = false;           ///< what the kernel file has lies in the dump where the file says
  std::string contradiction;   ///< where it does not: what of it is otherwise, a clause
  std::optional<Note> remark;  ///< when the tables were found another way than by the kernel's word
};

/// From the kernel core's header, else the processors' registers in the dump's notes, else the
/// kernel's own pmap, which the kernel file's symbols find in the memory that it was loaded to
/// (x86: always the same; arm64: any 2 MiB), else by a search for the file's code. Each must map
/// the file's code, or where it has none the kernel's version, to where the file says. Without
/// symbols the header's or the first processor's counts.
KernelMap find_page_table(const Dump& dump, const SystemKernel& kernel);

}  // namespace panicroom::openbsd
