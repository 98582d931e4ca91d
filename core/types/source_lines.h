#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"
#include "core/symbols/elf_sections.h"
#include "core/types/code_ranges.h"
#include "core/types/dwarf_units.h"
#include "core/types/inlined_calls.h"
#include "core/types/line_program.h"

namespace panicroom {

struct SourceLine {
  std::string file;  ///< the path as the DWARF has it; raw bytes
  std::uint64_t line = 0;
};

/// A call that the compiler inlined: in the machine's eyes it is part of its caller.
struct InlinedCall {
  std::string function;            ///< that was called; raw bytes; empty: its name is not known
  std::optional<SourceLine> line;  ///< in it
};
/// What the source has at an instruction.
struct SourceCalls {
  std::vector<InlinedCall> inlined;  ///< innermost first
  std::optional<SourceLine> line;    ///< in the function that they were inlined into
};

/// The parts of a file that lines are read from.
struct SourceLineSections {
  DwarfSections dwarf;
  CodeRangeSections code;
  LazyBytes lines;    ///< .debug_line
  LazyBytes aranges;  ///< .debug_aranges; empty: the units say themselves where their code lies
};

/// Lines of source by address. The units' ranges are read at the first question, lines of those
/// units alone that are asked for; the latest are kept. Addresses are those that the file was
/// linked to. Not thread-safe.
class SourceLines {
 public:
  explicit SourceLines(SourceLineSections sections);
  SourceLines(const SourceLines&) = delete;
  SourceLines& operator=(const SourceLines&) = delete;

  /// The line of the instruction at `address`; nothing when no unit has one. Errors: `corrupt`,
  /// `unsupported`, those of a read.
  Result<std::optional<SourceLine>> at(std::uint64_t address);
  /// The same with the calls that were inlined there. The latest answers are kept. Errors: also
  /// those of InlinedCalls.
  Result<SourceCalls> calls_at(std::uint64_t address);

 private:
  struct UnitRange {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t unit = 0;  ///< its offset in .debug_info
  };
  struct UnitLines {
    LineTable table;
    std::string_view directory;
  };
  void index();
  void index_aranges();
  Result<std::shared_ptr<const UnitLines>> lines_of(std::uint64_t unit);
  /// The units whose ranges hold `address`, by their offsets; few ranges lie within another's.
  std::vector<std::uint64_t> units_at(std::uint64_t address);
  /// Of the line table's own row; nothing where it has none.
  static std::optional<SourceLine> line_in(const UnitLines& unit, std::uint64_t address);
  Result<SourceCalls> find_calls(std::uint64_t address);

  SourceLineSections sections_;
  DwarfUnits units_;
  std::optional<std::vector<UnitRange>> ranges_;  ///< by address
  std::map<std::uint64_t, Result<std::shared_ptr<const UnitLines>>> lines_;
  std::size_t rows_kept_ = 0;  ///< in lines_
  InlinedCalls inlined_;
  std::map<std::uint64_t, Result<SourceCalls>> calls_;  ///< by address
};

/// Those of a linked kernel file or its debug file. Errors: `no_symbol` (it carries none, or it is
/// not linked), `corrupt`, `unsupported`.
Result<std::unique_ptr<SourceLines>> read_source_lines(const SourcePtr& file);
/// Those of a file whose sections lie where `elf` says; a relocatable one's may have been loaded
/// anywhere.
Result<std::unique_ptr<SourceLines>> read_source_lines(const SourcePtr& file,
                                                       const ElfSections& elf);

}  // namespace panicroom
