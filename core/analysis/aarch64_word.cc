#include "core/analysis/aarch64_word.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace panicroom::aarch64 {
namespace {

constexpr unsigned last_register = 31;  // the stack pointer as a base, zero as an operand

std::string with_offset(std::string_view base, std::int64_t offset, Indexing indexing) {
  switch (indexing) {
    case Indexing::offset:
      return offset == 0 ? fmt::format("[{}]", base) : fmt::format("[{}, #{}]", base, offset);
    case Indexing::before:
      return fmt::format("[{}, #{}]!", base, offset);
    case Indexing::after:
      return fmt::format("[{}], #{}", base, offset);
  }
  return {};
}

/// A register's value as the field "option" takes it: of its lower half or whole, with or without
/// sign.
std::uint64_t extended(std::uint64_t value, unsigned extension) {
  if (extension == 2) return value & 0xffffffff;
  if (extension == 6)
    return static_cast<std::uint64_t>(
        static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(value))));
  return value;
}

}  // namespace

std::int64_t Word::signed_bits(unsigned high, unsigned low) const {
  const std::int64_t value = bits(high, low);
  return bit(high) ? value - (std::int64_t{2} << (high - low)) : value;
}

void Word::note(std::string name) {
  auto& named = instruction_.registers;
  if (std::ranges::find(named, name) == named.end()) named.push_back(std::move(name));
}

std::string Word::register_name(unsigned number, bool wide) {
  if (number == last_register) return wide ? "xzr" : "wzr";
  note(fmt::format("x{}", number));
  return fmt::format("{}{}", wide ? 'x' : 'w', number);
}

std::string Word::base_name(unsigned number) {
  if (number != last_register) return register_name(number, true);
  note("sp");
  return "sp";
}

std::optional<std::uint64_t> Word::value(unsigned number, bool of_stack) const {
  if (number == last_register)
    return of_stack ? register_value(registers_, "sp") : std::optional<std::uint64_t>(0);
  return register_value(registers_, fmt::format("x{}", number));
}

void Word::general(unsigned number, bool wide) { operands_.push_back(register_name(number, wide)); }

void Word::general_or_stack(unsigned number) { operands_.push_back(base_name(number)); }

void Word::vector(unsigned number, unsigned scale) {
  operands_.push_back(fmt::format("{}{}", "bhsdq"[scale], number));
}

void Word::immediate(std::uint64_t value) { operands_.push_back(fmt::format("#{:#x}", value)); }

void Word::address(unsigned base, std::int64_t offset, Indexing indexing) {
  operands_.push_back(with_offset(base_name(base), offset, indexing));
  address_ = value(base, true);
  if (address_ && indexing != Indexing::after) *address_ += static_cast<std::uint64_t>(offset);
}

void Word::address(unsigned base, unsigned index, unsigned extension, unsigned amount, bool shown) {
  constexpr std::array<std::string_view, 8> names = {"", "", "uxtw", "lsl", "", "", "sxtw", "sxtx"};
  const bool plain = names[extension] == "lsl" && !shown;
  std::string text = base_name(base);
  text += ", " + register_name(index, (extension & 1) != 0);
  if (!plain) text += fmt::format(", {}", names[extension]);
  if (shown) text += fmt::format(" #{}", amount);
  operands_.push_back(fmt::format("[{}]", text));
  const auto first = value(base, true), second = value(index, false);
  if (first && second) address_ = *first + (extended(*second, extension) << amount);
}

void Word::address_of_code(std::int64_t offset) {
  address_ = pc_ + static_cast<std::uint64_t>(offset);
  operands_.push_back(fmt::format("{:#x}", *address_));
}

void Word::address_then(unsigned base, const std::string& added) {
  operands_.push_back(fmt::format("[{}], {}", base_name(base), added));
  address_ = value(base, true);
}

void Word::moving_address(unsigned number, bool known) {
  operands_.push_back(fmt::format("[{}]!", register_name(number, true)));
  address_ = known ? value(number, false) : std::nullopt;
}

void Word::address_in(unsigned number) {
  general(number, true);
  address_ = value(number, false);
}

void Word::access(unsigned size, bool reads, bool writes) {
  MemoryOperand operand;
  operand.address = address_;
  operand.size = size;
  operand.reads = reads;
  operand.writes = writes;
  instruction_.memory.push_back(operand);
}

Instruction Word::finish(std::string_view mnemonic) {
  instruction_.text = mnemonic;
  if (!operands_.empty()) instruction_.text += fmt::format(" {}", fmt::join(operands_, ", "));
  instruction_.length = 4;
  return std::move(instruction_);
}

}  // namespace panicroom::aarch64
