#pragma once

#include <cstdint>
#include <vector>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// A part of a program that is loaded (PT_LOAD).
struct LoadedSegment {
  std::uint64_t virtual_address = 0;
  std::uint64_t physical_address = 0;  ///< where it was linked to be loaded
  std::uint64_t offset = 0;            ///< of its bytes in the file
  std::uint64_t file_size = 0;         ///< within the file; the rest of memory_size is zero
  std::uint64_t memory_size = 0;
  bool writable = false;
};

/// The loaded parts of a kernel file, of those in the file's own order the first 64. Errors:
/// `unsupported` (no ELF), `corrupt` (headers that leave the file).
Result<std::vector<LoadedSegment>> read_elf_segments(const ByteSource& file);

}  // namespace panicroom
