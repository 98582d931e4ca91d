#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
/// units alone that are asked for; those asked for last are kept, once for all units that share
/// them. Addresses are those that the file was
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
  /// How many line programs were run, those that were run again among them.
  std::size_t programs_run() const { return programs_run_; }

 private:
  struct UnitRange {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t unit = 0;  ///< its offset in .debug_info
  };
  struct Unit {
    std::optional<std::uint64_t> program;  ///< in .debug_line
    std::string_view directory;
    unsigned address_size = 0;
  };
  using Program = std::pair<std::uint64_t, unsigned>;  ///< its place and the size of its addresses
  using Table = Result<std::shared_ptr<const LineTable>>;
  struct Kept {
    Table table;
    std::list<Program>::iterator use;
  };
  struct UnitLines {
    std::string_view directory;
    std::shared_ptr<const LineTable> table;  ///< null: the unit has no lines

    /// Of the table's own row; nothing where it has none.
    std::optional<SourceLine> at(std::uint64_t address) const;
    /// Nothing where the file or the line is not known.
    std::optional<SourceLine> in_file(std::uint64_t file, std::uint64_t line) const;
  };
  void index();
  void index_aranges();
  /// The units whose ranges hold `address`, by their offsets; few ranges lie within another's.
  std::vector<std::uint64_t> units_at(std::uint64_t address);
  Result<Unit> unit_of(std::uint64_t place);
  Table table_of(const Program& program);
  void make_room();
  Result<UnitLines> lines_of(std::uint64_t place);
  Result<SourceCalls> find_calls(std::uint64_t address);

  SourceLineSections sections_;
  DwarfUnits units_;
  std::optional<std::vector<UnitRange>> ranges_;  ///< by address
  std::map<std::uint64_t, Result<Unit>> asked_;   ///< units, by place
  std::map<Program, Kept> tables_;
  std::list<Program> uses_;    ///< of tables_, the latest first
  std::size_t rows_kept_ = 0;  ///< in tables_
  std::size_t programs_run_ = 0;
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
