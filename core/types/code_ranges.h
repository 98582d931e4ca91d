#pragma once

#include <cstdint>
#include <vector>

#include "core/base/error.h"
#include "core/types/dwarf_units.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// [begin, end) of code, as the file was linked.
struct CodeRange {
  std::uint64_t begin = 0, end = 0;
};

/// The sections that tell where the code of a unit or function lies beside .debug_info.
struct CodeRangeSections {
  LazyBytes addresses;  ///< .debug_addr
  LazyBytes ranges;     ///< .debug_ranges, until DWARF 4
  LazyBytes lists;      ///< .debug_rnglists
};

/// The code of an entry in `unit`, whose own entry is `root`; empty where it has none. Errors:
/// `corrupt`, those of a read.
Result<std::vector<CodeRange>> code_ranges(CodeRangeSections& sections,
                                           const DwarfUnits::Unit& unit, std::endian order,
                                           const DwarfCode& root, const DwarfCode& entry);

}  // namespace panicroom
