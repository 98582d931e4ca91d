#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/io/byte_source.h"

namespace panicroom {

struct ElfSection {
  std::string name;  ///< raw bytes
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t address = 0;           ///< where it was linked to run; 0: nowhere
  std::uint64_t offset = 0, size = 0;  ///< in the file; may leave it
  std::uint32_t link = 0;              ///< number of another section
};

/// The section headers of an ELF file of either width and byte order, of whatever type.
struct ElfSections {
  Machine machine;
  std::uint16_t type = 0;            ///< ET_EXEC, ET_REL, ...
  std::vector<ElfSection> sections;  ///< by number; the first one is empty

  /// The first of that name that has bytes in the file, null when there is none.
  const ElfSection* find(std::string_view name) const;
};

/// Errors: `unsupported` (no ELF), `corrupt` (headers that leave the file).
Result<ElfSections> read_elf_sections(const ByteSource& file);

}  // namespace panicroom
