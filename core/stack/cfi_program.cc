// The instructions of call-frame information (DWARF 5, 6.4.2 and 7.24).
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "core/stack/cfi.h"
#include "core/stack/cfi_entries.h"
#include "core/types/dwarf_cursor.h"

namespace panicroom {

namespace {

constexpr unsigned kInstructionsLimit = 1U << 16U;  // of one entry
constexpr std::size_t kRememberedLimit = 64;
constexpr std::uint64_t kExpressionLimit = 4096;  // bytes

enum class Instruction : std::uint8_t {
  nop = 0x00,
  set_loc = 0x01,
  advance_loc1 = 0x02,
  advance_loc2 = 0x03,
  advance_loc4 = 0x04,
  offset_extended = 0x05,
  restore_extended = 0x06,
  undefined = 0x07,
  same_value = 0x08,
  in_register = 0x09,
  remember_state = 0x0a,
  restore_state = 0x0b,
  def_cfa = 0x0c,
  def_cfa_register = 0x0d,
  def_cfa_offset = 0x0e,
  def_cfa_expression = 0x0f,
  expression = 0x10,
  offset_extended_sf = 0x11,
  def_cfa_sf = 0x12,
  def_cfa_offset_sf = 0x13,
  val_offset = 0x14,
  val_offset_sf = 0x15,
  val_expression = 0x16,
  advance_loc8 = 0x1d,                // DW_CFA_MIPS_advance_loc8
  aarch64_negate_ra_state_pc = 0x2c,  // DW_CFA_AARCH64_negate_ra_state_with_pc
  aarch64_negate_ra_state = 0x2d,
  gnu_args_size = 0x2e,
  gnu_negative_offset_extended = 0x2f,
  // The next three hold their first operand in their low six bits.
  advance_loc = 0x40,
  offset = 0x80,
  restore = 0xc0
};

using Kind = CfiRule::Kind;

/// Factored offsets of hostile tables may be anything.
std::int64_t product(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

}  // namespace

class CfiTable::Program {
 public:
  Program(CfiTable& table, CfiSection& section, const Entry& entry,
          const std::function<bool(const CfiRow&)>& visit)
      : table_(table), section_(section), entry_(entry), visit_(visit) {
    row_.begin = entry.begin;
    row_.end = entry.end;
    row_.return_column = entry.common.return_column;
    row_.signal_frame = entry.common.signal_frame;
    row_.address_size = entry.common.address_size;
  }

  Result<void> run() {
    PANICROOM_CHECK(read(entry_.common.instructions, entry_.common.end));
    initial_ = row_;
    in_entry_ = true;
    PANICROOM_CHECK(read(entry_.instructions, entry_.instructions_end));
    if (!stopped_) show(entry_.end);
    return {};
  }

 private:
  void show(std::uint64_t end) {
    if (end <= row_.begin) return;
    row_.end = end;
    if (!visit_(row_)) stopped_ = true;
  }

  Result<void> move_to(std::uint64_t address) {
    // The locations rise (6.4.1); what lies behind the entry's end describes nothing.
    if (!in_entry_ || address < row_.begin)
      return fail(ErrorCode::corrupt,
                  fmt::format("call-frame information of {:#x}: a location goes back to {:#x}",
                              entry_.begin, address));
    show(std::min(address, entry_.end));
    row_.begin = address;
    return {};
  }

  Result<void> advance(std::uint64_t delta) {
    return move_to(row_.begin + delta * entry_.common.code_alignment);
  }

  /// A place for registers that are not kept.
  CfiRule& rule(std::uint64_t number) {
    return number < kCfiRegisters ? row_.registers[static_cast<std::size_t>(number)] : ignored_;
  }

  void set(std::uint64_t number, Kind kind, std::int64_t offset = 0) {
    CfiRule& changed = rule(number);
    changed = {};
    changed.kind = kind;
    changed.offset = offset;
  }

  void restore(std::uint64_t number) {
    if (number < kCfiRegisters) rule(number) = initial_.registers[static_cast<std::size_t>(number)];
  }

  std::int64_t factored(std::uint64_t offset) const {
    return product(static_cast<std::int64_t>(offset), entry_.common.data_alignment);
  }

  Result<Bytes> block(DwarfCursor& cursor) {
    const std::uint64_t length = cursor.uleb(), at = cursor.at();
    cursor.skip(length);
    if (cursor.failed()) return Failure(cursor.error());
    if (length > kExpressionLimit)
      return fail(ErrorCode::corrupt,
                  fmt::format("call-frame information of {:#x}: an expression of {} bytes",
                              entry_.begin, length));
    const std::byte* bytes = section_.bytes.at(at, length);
    if (bytes == nullptr) return Failure(section_.bytes.error());
    return Bytes(bytes, static_cast<std::size_t>(length));
  }

  Result<void> read(std::uint64_t begin, std::uint64_t end) {
    DwarfCursor cursor(section_.bytes, table_.order(), begin, end);
    while (!cursor.at_end() && !stopped_) {
      if (++instructions_ > kInstructionsLimit)
        return fail(ErrorCode::corrupt,
                    fmt::format("call-frame information of {:#x}: over {} instructions",
                                entry_.begin, kInstructionsLimit));
      PANICROOM_CHECK(instruction(cursor));
      if (cursor.failed()) return Failure(cursor.error());
    }
    return {};
  }

  Result<void> instruction(DwarfCursor& cursor) {
    const auto opcode = static_cast<std::uint8_t>(cursor.number(1));
    const std::uint64_t low = opcode & 0x3fU;
    switch (static_cast<Instruction>(opcode & 0xc0U)) {
      case Instruction::advance_loc:
        return advance(low);
      case Instruction::offset:
        set(low, Kind::offset, factored(cursor.uleb()));
        return {};
      case Instruction::restore:
        restore(low);
        return {};
      default:
        break;
    }
    switch (static_cast<Instruction>(opcode)) {
      case Instruction::nop:
        return {};
      case Instruction::set_loc: {
        PANICROOM_TRY(address, table_.pointer(section_, cursor, entry_.common.pointer_encoding,
                                              entry_.common.address_size, entry_.begin));
        return move_to(address);
      }
      case Instruction::advance_loc1:
        return advance(cursor.number(1));
      case Instruction::advance_loc2:
        return advance(cursor.number(2));
      case Instruction::advance_loc4:
        return advance(cursor.number(4));
      case Instruction::advance_loc8:
        return advance(cursor.number(8));
      case Instruction::remember_state:
        if (remembered_.size() == kRememberedLimit)
          return fail(ErrorCode::corrupt, fmt::format("call-frame information of {:#x}: over {} "
                                                      "states are remembered",
                                                      entry_.begin, kRememberedLimit));
        remembered_.push_back(row_);
        return {};
      case Instruction::restore_state: {
        if (remembered_.empty())
          return fail(ErrorCode::corrupt, fmt::format("call-frame information of {:#x}: no state "
                                                      "is remembered",
                                                      entry_.begin));
        const std::uint64_t begin = row_.begin;
        row_ = remembered_.back();
        row_.begin = begin;
        remembered_.pop_back();
        return {};
      }
      case Instruction::gnu_args_size:
        static_cast<void>(cursor.uleb());
        return {};
      case Instruction::aarch64_negate_ra_state:
      case Instruction::aarch64_negate_ra_state_pc:
        return {};  // signatures are taken off wherever they are found
      default:
        break;
    }
    return register_rule(static_cast<Instruction>(opcode), cursor);
  }

  Result<void> register_rule(Instruction opcode, DwarfCursor& cursor) {
    switch (opcode) {
      case Instruction::def_cfa:
      case Instruction::def_cfa_sf:
      case Instruction::def_cfa_register:
      case Instruction::def_cfa_offset:
      case Instruction::def_cfa_offset_sf:
      case Instruction::def_cfa_expression:
        return cfa_rule(opcode, cursor);
      default:
        break;
    }
    const std::uint64_t number = cursor.uleb();
    switch (opcode) {
      case Instruction::offset_extended:
        set(number, Kind::offset, factored(cursor.uleb()));
        return {};
      case Instruction::offset_extended_sf:
        set(number, Kind::offset, product(cursor.sleb(), entry_.common.data_alignment));
        return {};
      case Instruction::gnu_negative_offset_extended:
        set(number, Kind::offset, product(-1, factored(cursor.uleb())));
        return {};
      case Instruction::val_offset:
        set(number, Kind::value_offset, factored(cursor.uleb()));
        return {};
      case Instruction::val_offset_sf:
        set(number, Kind::value_offset, product(cursor.sleb(), entry_.common.data_alignment));
        return {};
      case Instruction::restore_extended:
        restore(number);
        return {};
      case Instruction::undefined:
        set(number, Kind::undefined);
        return {};
      case Instruction::same_value:
        set(number, Kind::same_value);
        return {};
      case Instruction::in_register:
        set(number, Kind::in_register);
        rule(number).number = cursor.uleb();
        return {};
      case Instruction::expression:
      case Instruction::val_expression: {
        PANICROOM_TRY(bytes, block(cursor));
        set(number, opcode == Instruction::expression ? Kind::expression : Kind::value_expression);
        rule(number).expression = bytes;
        return {};
      }
      default:
        return fail(ErrorCode::unsupported,
                    fmt::format("call-frame information of {:#x}: the instruction {:#x} is not "
                                "known",
                                entry_.begin, static_cast<unsigned>(opcode)));
    }
  }

  Result<void> cfa_rule(Instruction opcode, DwarfCursor& cursor) {
    CfiRule& cfa = row_.cfa;
    if (opcode == Instruction::def_cfa_expression) {
      PANICROOM_TRY(bytes, block(cursor));
      cfa = {};
      cfa.kind = Kind::value_expression;
      cfa.expression = bytes;
      return {};
    }
    const bool whole = opcode == Instruction::def_cfa || opcode == Instruction::def_cfa_sf;
    if (!whole && cfa.kind != Kind::in_register)
      return fail(ErrorCode::corrupt,
                  fmt::format("call-frame information of {:#x}: half a rule for the frame's "
                              "address is changed where there is none",
                              entry_.begin));
    cfa.kind = Kind::in_register;
    if (whole || opcode == Instruction::def_cfa_register) cfa.number = cursor.uleb();
    if (opcode == Instruction::def_cfa || opcode == Instruction::def_cfa_offset)
      cfa.offset = static_cast<std::int64_t>(cursor.uleb());
    if (opcode == Instruction::def_cfa_sf || opcode == Instruction::def_cfa_offset_sf)
      cfa.offset = product(cursor.sleb(), entry_.common.data_alignment);
    return {};
  }

  CfiTable& table_;
  CfiSection& section_;
  const Entry& entry_;
  const std::function<bool(const CfiRow&)>& visit_;
  CfiRow row_, initial_;
  CfiRule ignored_;
  std::vector<CfiRow> remembered_;
  unsigned instructions_ = 0;
  bool in_entry_ = false, stopped_ = false;
};

Result<void> CfiTable::run(std::size_t section, const Entry& entry,
                           const std::function<bool(const CfiRow&)>& visit) {
  return Program(*this, sections_.frames[section], entry, visit).run();
}

}  // namespace panicroom
