#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/types/code_ranges.h"
#include "core/types/dwarf_units.h"

namespace panicroom {

/// Finds out which calls a compiler inlined at an address (DWARF 5, 3.3.8). Of a unit the functions
/// are indexed when an address in it is first asked for; of a function only that part is read which
/// holds the address. Not thread-safe.
class InlinedCalls {
 public:
  /// A call that was inlined.
  struct Call {
    std::string_view function;         ///< that was called; empty: its name is not known
    std::uint64_t file = 0, line = 0;  ///< from where: a number of the unit's files; 0: not said
  };

  /// Both outlive this.
  InlinedCalls(DwarfUnits& units, CodeRangeSections& code) : units_(units), code_(code) {}

  /// The calls at the instruction at `address`, which lies in `unit`, innermost first. Errors:
  /// `corrupt`, `unsupported`, those of a read.
  Result<std::vector<Call>> at(const DwarfUnits::Unit& unit, std::uint64_t address);

 private:
  struct Function {
    CodeRange code;
    std::uint64_t entry = 0;  ///< offset in .debug_info
  };
  struct Unit {
    DwarfCode root;
    std::vector<Function> functions;  ///< by address
  };

  Result<std::shared_ptr<const Unit>> functions_of(const DwarfUnits::Unit& unit);
  Result<std::vector<Call>> calls_in(const DwarfUnits::Unit& unit, const DwarfCode& root,
                                     std::uint64_t function, std::uint64_t address);
  /// The entry behind the children of `entry`.
  Result<std::uint64_t> behind(const DwarfUnits::Unit& unit, const DwarfEntry& entry);
  Result<bool> holds(const DwarfUnits::Unit& unit, const DwarfCode& root, const DwarfCode& code,
                     std::uint64_t address);
  Result<std::string_view> name_of(std::uint64_t entry);
  Result<DwarfEntry> outline(const DwarfUnits::Unit& unit, std::uint64_t offset);

  DwarfUnits& units_;
  CodeRangeSections& code_;
  std::map<std::uint64_t, std::shared_ptr<const Unit>> indexed_;  ///< by the units' offsets
  std::size_t functions_kept_ = 0;                                ///< in indexed_
  std::uint64_t entries_read_ = 0;
};

}  // namespace panicroom
