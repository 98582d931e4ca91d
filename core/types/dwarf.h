#pragma once

#include <memory>

#include "core/io/byte_source.h"
#include "core/types/dwarf_graph.h"

namespace panicroom {

/// The DWARF of a kernel file, its debug file or a module (ELF sections .debug_info and those it
/// refers to, plain or compressed), which is read as far as the questions need. Errors: `no_type`
/// (the file has none), `corrupt`, `unsupported`.
Result<std::shared_ptr<DwarfGraph>> read_dwarf(const SourcePtr& file);

}  // namespace panicroom
