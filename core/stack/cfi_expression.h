#pragma once

#include <cstdint>
#include <optional>

#include "core/memory/address_space.h"
#include "core/stack/cfi.h"

namespace panicroom {

/// What an expression of call-frame information may use.
struct CfiExpressionContext {
  AddressSpace& kernel;
  const CfiRegisters& registers;
  unsigned address_size = 8;
  std::uint64_t slide = 0;  ///< run-time minus link-time addresses
};

/// Runs a DWARF expression (DWARF 5, 2.5) whose stack holds `first` at the start, where that is
/// given, and answers what is on its top at the end. Steps and depth are bounded. Errors:
/// `corrupt`, `unsupported` (operations that make no sense in a frame), `not_in_dump` (a register
/// that is not known), those of a read.
Result<std::uint64_t> evaluate_cfi_expression(const CfiExpressionContext& context, Bytes expression,
                                              std::optional<std::uint64_t> first);

}  // namespace panicroom
