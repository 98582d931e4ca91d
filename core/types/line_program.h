#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/types/dwarf_units.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// The lines of one unit.
struct LineTable {
  struct Row {
    std::uint64_t address = 0;
    std::uint32_t file = 0, line = 0;
    bool ends = false;  ///< of a sequence: no code from here on
  };
  struct File {
    std::string_view name;
    std::uint64_t directory = 0;
  };
  std::vector<Row> rows;  ///< of sequences in the order of their addresses, each of rising rows
  std::vector<std::string_view> directories;
  std::vector<File> files;
  unsigned version = 0;

  /// The row for the instruction at `address`; null when no sequence covers it.
  const Row* at(std::uint64_t address) const;
  /// The path of a file: joined with its directory, and that with where the unit was compiled.
  /// Empty when there is no such file.
  std::string path(std::uint64_t file, std::string_view compiled_in) const;
};

/// Runs the line number program at `place` of .debug_line (DWARF 2 to 5, 6.2), whose texts may
/// stand in the sections of `dwarf`. Names live as long as the sections. Errors: `corrupt`,
/// `unsupported` (another version), those of a read.
Result<LineTable> run_line_program(LazyBytes& lines, DwarfSections& dwarf, std::uint64_t place,
                                   unsigned address_size);

}  // namespace panicroom
