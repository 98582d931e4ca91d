#pragma once

#include "core/stack/cfi.h"

namespace panicroom {

/// A CIE: what its FDEs have in common.
struct CfiTable::Common {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = 1;
  std::uint64_t return_column = 0;
  unsigned address_size = 8, segment_size = 0;
  unsigned pointer_encoding = 0;
  bool sized_augmentation = false, signal_frame = false;
  std::uint64_t instructions = 0, end = 0;  ///< offsets in the section
};

/// An FDE: the code that it describes and how.
struct CfiTable::Entry {
  Common common;
  std::uint64_t begin = 0, end = 0;  ///< addresses
  std::uint64_t instructions = 0, instructions_end = 0;
};

}  // namespace panicroom
