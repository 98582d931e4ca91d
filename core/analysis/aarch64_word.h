#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/analysis/instruction.h"

namespace panicroom::aarch64 {

/// How an address is made of a base register and an immediate.
enum class Indexing : std::uint8_t { offset, before, after };

/// One A64 instruction while it is decoded: its fields, and what was found of it so far. Operands
/// are written in the order in which they are named.
class Word {
 public:
  Word(std::uint32_t word, std::uint64_t pc, const Registers& registers)
      : word_(word), pc_(pc), registers_(registers) {}

  std::uint64_t pc() const { return pc_; }
  std::uint32_t bits(unsigned high, unsigned low) const {
    return word_ >> low & static_cast<std::uint32_t>((std::uint64_t{2} << (high - low)) - 1);
  }
  bool bit(unsigned number) const { return (word_ >> number & 1U) != 0; }
  bool matches(std::uint32_t mask, std::uint32_t value) const { return (word_ & mask) == value; }
  /// A field as two's complement.
  std::int64_t signed_bits(unsigned high, unsigned low) const;

  /// Xn or Wn, of which the last is the one that is always zero.
  void general(unsigned number, bool wide);
  void general_or_stack(unsigned number);  ///< Xn or SP
  /// Bn, Hn, Sn, Dn or Qn: of 1 << `scale` bytes.
  void vector(unsigned number, unsigned scale);
  void immediate(std::uint64_t value);
  void literal(std::string text) { operands_.push_back(std::move(text)); }

  /// The address in Xn or SP with an immediate.
  void address(unsigned base, std::int64_t offset, Indexing indexing);
  /// With another register behind it: `extension` is the field "option".
  void address(unsigned base, unsigned index, unsigned extension, unsigned amount, bool shown);
  /// One that is the same for each run of this code.
  void address_of_code(std::int64_t offset);
  /// Behind the base register stands what is added to it afterwards.
  void address_then(unsigned base, const std::string& added);
  /// "[Xn]!": an address that the instruction moves on; `known`: it still is where it began.
  void moving_address(unsigned number, bool known);
  /// The address in Xt, without brackets.
  void address_in(unsigned number);

  /// What is done to the memory at that address. `size` in bytes, 0 when it is not told.
  void access(unsigned size, bool reads, bool writes);

  std::string register_name(unsigned number, bool wide);  ///< notes that it is named
  Instruction finish(std::string_view mnemonic);

 private:
  std::string base_name(unsigned number);
  std::optional<std::uint64_t> value(unsigned number, bool of_stack) const;
  void note(std::string name);

  std::uint32_t word_;
  std::uint64_t pc_;
  const Registers& registers_;
  std::vector<std::string> operands_;
  std::optional<std::uint64_t> address_;
  Instruction instruction_;
};

/// Decoders of one group each: nothing for what is not theirs.
std::optional<Instruction> decode_load_store(const Word& word);
std::optional<Instruction> decode_structure_load_store(
    const Word& word);  ///< LD1 to ST4 of vectors
std::optional<Instruction> decode_system_or_branch(const Word& word);

}  // namespace panicroom::aarch64
