#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/io/byte_source.h"
#include "core/stack/cfi_registers.h"
#include "core/symbols/elf_sections.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

class DwarfCursor;

/// How the caller's value of a register is found (DWARF 5, 6.4.1).
struct CfiRule {
  enum class Kind : std::uint8_t {
    unspecified,
    undefined,         ///< it is lost
    same_value,        ///< it is unchanged
    offset,            ///< saved at CFA + offset
    value_offset,      ///< it is CFA + offset
    in_register,       ///< it is in another register; for the CFA: that register + offset
    expression,        ///< saved at the address that an expression computes
    value_expression,  ///< it is what an expression computes; for the CFA too
  };
  Kind kind = Kind::unspecified;
  std::int64_t offset = 0;
  std::uint64_t number = 0;  ///< of the register
  Bytes expression;          ///< lives as long as the table
};

/// The rules for the instructions in [begin, end).
struct CfiRow {
  std::uint64_t begin = 0, end = 0;  ///< as the file was linked
  CfiRule cfa;                       ///< the canonical frame address
  std::array<CfiRule, kCfiRegisters> registers;
  std::uint64_t return_column = 0;
  bool signal_frame = false;  ///< its caller was interrupted, not at a call
  unsigned address_size = 8;
};

/// The parts of a file that call-frame information is read from.
struct CfiSection {
  LazyBytes bytes;
  std::uint64_t address = 0;  ///< where it was linked to
  bool eh = false;            ///< .eh_frame, not .debug_frame
};
struct CfiSections {
  std::vector<CfiSection> frames;
  std::optional<CfiSection> header;  ///< .eh_frame_hdr
  std::uint64_t text = 0;            ///< address of .text
  Machine machine;
};

/// Call-frame information of one file: .eh_frame (System V ABI, "Exception Frames"; LSB core,
/// 10.6) and .debug_frame (DWARF 2 to 5, 6.4 and 7.24). Entries are read when an address asks for
/// them, through .eh_frame_hdr's table, else through an index that is made once. Addresses are
/// those that the file was linked to.
class CfiTable {
 public:
  explicit CfiTable(CfiSections sections) : sections_(std::move(sections)) {}
  CfiTable(CfiTable&&) = default;

  /// The row for the instruction at `address`; nothing when no entry covers it. Errors: `corrupt`,
  /// `unsupported` (an encoding that no kernel uses), those of a read.
  Result<std::optional<CfiRow>> row_at(std::uint64_t address);
  /// Why the search table is not used, if that came to light since this was asked last: what it
  /// would have led to is then found among the entries themselves.
  std::optional<Error> take_remark() { return std::exchange(remark_, std::nullopt); }
  /// All rows of all entries in the order of the sections, until `visit` answers false.
  Result<void> rows(const std::function<bool(const CfiRow&)>& visit);
  std::endian order() const { return sections_.machine.order; }

 private:
  struct Common;  // a CIE
  struct Entry;   // an FDE
  struct Known {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t place = 0;  ///< offset in its section
    std::size_t section = 0;
  };
  class Program;

  Result<const Common*> common(std::size_t section, std::uint64_t place);
  Result<Common> read_common(CfiSection& section, std::uint64_t place);
  /// Nothing: it is a CIE, or the end of the section; `next` is where the next entry begins.
  Result<std::optional<Entry>> entry(std::size_t section, std::uint64_t place, std::uint64_t& next);
  Result<std::uint64_t> pointer(CfiSection& section, DwarfCursor& cursor, unsigned encoding,
                                unsigned address_size, std::uint64_t function) const;
  Result<void> run(std::size_t section, const Entry& entry,
                   const std::function<bool(const CfiRow&)>& visit);
  /// By .eh_frame_hdr: nothing where it has no table that can be searched.
  Result<std::optional<std::optional<Known>>> search_header(std::uint64_t address);
  void index();

  CfiSections sections_;
  std::map<std::pair<std::size_t, std::uint64_t>, std::shared_ptr<const Common>> commons_;
  std::optional<std::vector<Known>> index_;
  std::optional<Error> remark_;
};

/// The call-frame information of a linked kernel file or its debug file. Errors: `no_symbol` (the
/// file carries none, or it is not linked), `corrupt`, `unsupported`.
Result<std::shared_ptr<CfiTable>> read_cfi(const SourcePtr& file);
/// That of a file whose sections lie where `elf` says; a relocatable one's may have been loaded
/// anywhere.
Result<std::shared_ptr<CfiTable>> read_cfi(const SourcePtr& file, const ElfSections& elf);

}  // namespace panicroom
