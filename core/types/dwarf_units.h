#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// The sections of DWARF 2 to 5 that types are read from.
struct DwarfSections {
  LazyBytes info, abbreviations, strings, line_strings, string_offsets;
  std::endian order = std::endian::little;
};

/// The tags that types, variables and inlined functions are told with (DWARF 5, chapter 7).
enum class DwarfTag : std::uint16_t {
  end = 0,  ///< no entry: the end of a list of siblings
  array = 0x01,
  class_ = 0x02,
  enumeration = 0x04,
  parameter = 0x05,
  lexical_block = 0x0b,
  member = 0x0d,
  pointer = 0x0f,
  reference = 0x10,
  structure = 0x13,
  subroutine = 0x15,
  typedef_ = 0x16,
  union_ = 0x17,
  unspecified_parameters = 0x18,
  inlined_subroutine = 0x1d,
  subrange = 0x21,
  base = 0x24,
  const_ = 0x26,
  enumerator = 0x28,
  subprogram = 0x2e,
  variable = 0x34,
  volatile_ = 0x35,
  restrict_ = 0x37,
  namespace_ = 0x39,
  unspecified_type = 0x3b,
  rvalue_reference = 0x42,
  atomic = 0x47
};

/// An address or a place of a list of ranges as its attribute has it: itself, or its number in a
/// table of the unit's.
struct DwarfIndexed {
  std::uint64_t value = 0;
  bool is_number = false;
};

/// Where the code of an entry lies, of an inlined function where it was called and, of a unit's
/// entry, where its lines are.
struct DwarfCode {
  std::optional<DwarfIndexed> low, high, ranges;
  bool high_is_length = false;
  std::uint64_t call_file = 0, call_line = 0;         ///< 0: not said
  std::optional<std::uint64_t> lines;                 ///< in .debug_line
  std::string_view directory;                         ///< in which it was compiled
  std::uint64_t addresses_base = 0, ranges_base = 0;  ///< 0: not said
};

/// In place of an entry's offset: it stands in another file or in a unit of its own.
inline constexpr std::uint64_t kElsewhere = (std::uint64_t{1} << 56) - 1;

/// A debugging information entry, with those of its attributes that types need.
struct DwarfEntry {
  DwarfTag tag = DwarfTag::end;
  std::uint64_t offset = 0;  ///< in .debug_info
  std::uint64_t next = 0;    ///< what follows its attributes: its first child where it has any
  bool has_children = false;
  bool is_declaration = false;
  bool is_external = false;
  std::uint64_t sibling = 0;  ///< 0: not said
  std::string_view name;      ///< empty: it has none
  std::uint64_t type = 0;     ///< offset of another entry, 0: void, kElsewhere
  std::uint64_t origin = 0;   ///< of the entry that this one completes
  std::optional<std::uint64_t> byte_size, bit_size, data_bit_offset, encoding;
  std::optional<std::int64_t> bit_offset;  ///< until DWARF 4: from the highest bit of its integer
  std::optional<std::uint64_t> member_location;  ///< bytes from the start of the structure
  std::optional<std::int64_t> const_value, upper_bound, count;
  std::uint64_t string_offsets_base = 0;  ///< of a unit's entry
  DwarfCode code;
};

/// The units of .debug_info and the entries in them. Each unit's header and abbreviations are read
/// when something in it is asked for.
class DwarfUnits {
 public:
  struct Unit {
    std::uint64_t begin = 0, end = 0;  ///< in .debug_info
    std::uint64_t entries = 0;         ///< its first entry: itself
    std::uint64_t abbreviations = 0;
    unsigned version = 0;
    unsigned offset_size = 4;
    unsigned address_size = 8;
    bool is_readable = true;  ///< false: its version or kind is not known
    mutable std::optional<std::uint64_t> string_offsets_base;  ///< known when an entry was read
  };

  explicit DwarfUnits(DwarfSections sections) : sections_(std::move(sections)) {}

  std::endian order() const { return sections_.order; }
  DwarfSections& sections() { return sections_; }
  std::uint64_t size() const { return sections_.info.size(); }
  /// The unit by number, 0 the first; null when there are no more.
  Result<const Unit*> unit(std::size_t number);
  /// The unit that holds `offset`. Error: `corrupt`.
  Result<const Unit*> unit_of(std::uint64_t offset);
  /// The unit that begins at `offset`. Error: `corrupt`.
  Result<const Unit*> unit_at(std::uint64_t offset);
  /// The entry at `offset`, which lies in `unit`. Errors: `corrupt`, `unsupported`, those of a
  /// read.
  Result<DwarfEntry> entry(const Unit& unit, std::uint64_t offset) {
    return read_entry(unit, offset, true);
  }
  /// The same without its names, which are not looked up.
  Result<DwarfEntry> outline(const Unit& unit, std::uint64_t offset) {
    return read_entry(unit, offset, false);
  }
  /// Attributes that were read so far: what walks cost.
  std::uint64_t work() const { return work_; }

 private:
  struct Attribute {
    std::uint16_t name = 0, form = 0;
    std::int64_t constant = 0;  ///< of DW_FORM_implicit_const
  };
  struct Abbreviation {
    std::uint64_t code = 0;
    DwarfTag tag = DwarfTag::end;
    bool has_children = false;
    std::uint32_t first = 0, count = 0;  ///< of Table::attributes
  };
  struct Table {
    std::vector<Abbreviation> all;  ///< by code
    std::vector<Attribute> attributes;
    const Abbreviation* find(std::uint64_t code) const;
  };
  class EntryReader;

  Result<DwarfEntry> read_entry(const Unit& unit, std::uint64_t offset, bool with_names);
  Result<void> read_unit();
  Result<const Table*> table(std::uint64_t offset);

  DwarfSections sections_;
  std::deque<Unit> units_;  // they stay where they are
  std::uint64_t next_unit_ = 0;
  std::optional<Error> stopped_;  // why the units after those cannot be found
  std::map<std::uint64_t, Table> tables_;
  std::pair<std::uint64_t, const Table*> latest_{0, nullptr};
  std::uint64_t abbreviations_read_ = 0;  // bytes of all tables together
  std::uint64_t work_ = 0;
};

}  // namespace panicroom
