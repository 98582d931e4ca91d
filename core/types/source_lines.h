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
#include "core/types/code_ranges.h"
#include "core/types/dwarf_units.h"
#include "core/types/line_program.h"

namespace panicroom {

struct SourceLine {
  std::string file;  ///< the path as the DWARF has it; raw bytes
  std::uint64_t line = 0;
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
  void index();
  void index_aranges();
  Result<Unit> unit_of(std::uint64_t place);
  Table table_of(const Program& program);
  void make_room();

  SourceLineSections sections_;
  DwarfUnits units_;
  std::optional<std::vector<UnitRange>> ranges_;  ///< by address
  std::map<std::uint64_t, Result<Unit>> asked_;   ///< units, by place
  std::map<Program, Kept> tables_;
  std::list<Program> uses_;    ///< of tables_, the latest first
  std::size_t rows_kept_ = 0;  ///< in tables_
  std::size_t programs_run_ = 0;
};

/// Those of a linked kernel file or its debug file. Errors: `no_symbol` (it carries none, or it is
/// not linked), `corrupt`, `unsupported`.
Result<std::unique_ptr<SourceLines>> read_source_lines(const SourcePtr& file);

}  // namespace panicroom
