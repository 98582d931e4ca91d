#pragma once

#include <cstdint>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// The header of an ELF file of either width and byte order, of whatever type; where its tables
/// lie, as it says.
struct ElfHeader {
  Machine machine;
  std::uint16_t type = 0;  ///< ET_EXEC, ET_REL, ...
  struct Table {
    std::uint64_t place = 0;  ///< in the file
    std::uint64_t entry = 0;  ///< bytes of each
    std::uint64_t count = 0;
  };
  Table sections, segments;
  std::uint64_t names = 0;  ///< the section that names the sections

  bool wide() const { return machine.pointer_size == 8; }
};

/// Error: `unsupported` (no ELF).
Result<ElfHeader> read_elf_header(const ByteSource& file);

}  // namespace panicroom
