#include "core/analysis/aarch64_instruction.h"

#include <fmt/format.h>

#include <array>

#include "core/analysis/aarch64_word.h"

namespace panicroom {
namespace aarch64 {
namespace {

using Decoded = std::optional<Instruction>;

/// Exceptions that an instruction asks for.
Decoded exception(Word word) {
  struct Kind {
    std::uint32_t fixed;
    std::string_view mnemonic;
    bool traps;  ///< nothing else is wanted of it
  };
  constexpr std::array<Kind, 5> kinds = {{{0xd4000001, "svc", false},
                                          {0xd4000002, "hvc", false},
                                          {0xd4000003, "smc", false},
                                          {0xd4200000, "brk", true},
                                          {0xd4400000, "hlt", true}}};
  if (word.matches(0xffff0000, 0)) {
    word.immediate(word.bits(15, 0));
    Instruction undefined = word.finish("udf");
    undefined.trap = static_cast<std::uint16_t>(word.bits(15, 0));
    return undefined;
  }
  for (const Kind& kind : kinds) {
    if (!word.matches(0xffe0001f, kind.fixed)) continue;
    word.immediate(word.bits(20, 5));
    Instruction asked = word.finish(kind.mnemonic);
    if (kind.traps) asked.trap = static_cast<std::uint16_t>(word.bits(20, 5));
    return asked;
  }
  return std::nullopt;
}

/// Maintenance of the caches, and zeroing, of what lies at an address; how much that is only the
/// processor knows. Those by set and way name no address.
Decoded cache(Word word) {
  struct Operation {
    std::uint32_t fields;  ///< op1, CRm, op2: four bits each
    std::string_view name;
    bool writes, by_address;
  };
  constexpr std::array<Operation, 29> operations = {
      {{0x061, "dc ivac", false, true},   {0x062, "dc isw", false, false},
       {0x063, "dc igvac", false, true},  {0x064, "dc igsw", false, false},
       {0x065, "dc igdvac", false, true}, {0x066, "dc igdsw", false, false},
       {0x0a2, "dc csw", false, false},   {0x0a4, "dc cgsw", false, false},
       {0x0a6, "dc cgdsw", false, false}, {0x0e2, "dc cisw", false, false},
       {0x0e4, "dc cigsw", false, false}, {0x0e6, "dc cigdsw", false, false},
       {0x341, "dc zva", true, true},     {0x343, "dc gva", true, true},
       {0x344, "dc gzva", true, true},    {0x351, "ic ivau", false, true},
       {0x3a1, "dc cvac", false, true},   {0x3a3, "dc cgvac", false, true},
       {0x3a5, "dc cgdvac", false, true}, {0x3b1, "dc cvau", false, true},
       {0x3c1, "dc cvap", false, true},   {0x3c3, "dc cgvap", false, true},
       {0x3c5, "dc cgdvap", false, true}, {0x3d1, "dc cvadp", false, true},
       {0x3d3, "dc cgvadp", false, true}, {0x3d5, "dc cgdvadp", false, true},
       {0x3e1, "dc civac", false, true},  {0x3e3, "dc cigvac", false, true},
       {0x3e5, "dc cigdvac", false, true}}};
  if (!word.matches(0xfff8f000, 0xd5087000)) return std::nullopt;
  const std::uint32_t fields = word.bits(18, 16) << 8 | word.bits(11, 8) << 4 | word.bits(7, 5);
  for (const Operation& operation : operations) {
    if (operation.fields != fields) continue;
    if (!operation.by_address) {
      word.general(word.bits(4, 0), true);
    } else {
      word.address_in(word.bits(4, 0));
      word.access(0, false, operation.writes);
    }
    Instruction maintained = word.finish(operation.name.substr(0, 2));
    maintained.text = fmt::format("{},{}", operation.name, maintained.text.substr(2));
    return maintained;
  }
  return std::nullopt;
}

/// Branches to what a register holds.
Decoded branch(Word word) {
  constexpr std::array<std::string_view, 3> names = {"br", "blr", "ret"};
  constexpr unsigned link = 30, none = 31;
  const unsigned operation = word.bits(24, 21), from = word.bits(9, 5), modifier = word.bits(4, 0);
  if (!word.matches(0xfe1ff000, 0xd61f0000)) return std::nullopt;
  if (operation == 4 && from == none) {
    if (word.bits(11, 0) == 0x3e0) return word.finish("eret");
    if (word.bits(11, 0) == 0xbff) return word.finish("eretaa");
    if (word.bits(11, 0) == 0xfff) return word.finish("eretab");
  }
  const bool with_modifier = (operation & 8) != 0;
  if ((operation & 7) >= names.size()) return std::nullopt;
  std::string mnemonic(names[operation & 7]);
  if (word.bits(11, 10) == 0) {
    if (with_modifier || modifier != 0) return std::nullopt;
    if (mnemonic != "ret" || from != link) word.general(from, true);
    return word.finish(mnemonic);
  }
  if (!word.bit(11)) return std::nullopt;
  mnemonic += word.bit(10) ? "ab" : "aa";  // the key of the pointer's signature
  if (mnemonic.starts_with("ret"))
    return with_modifier || from != none || modifier != none ? std::nullopt
                                                             : Decoded(word.finish(mnemonic));
  if (!with_modifier && modifier != none) return std::nullopt;
  word.general(from, true);
  if (!with_modifier) return word.finish(mnemonic + "z");
  word.general_or_stack(modifier);
  return word.finish(mnemonic);
}

}  // namespace

std::optional<Instruction> decode_system_or_branch(const Word& word) {
  if (auto found = exception(word)) return found;
  if (auto found = branch(word)) return found;
  return cache(word);
}

}  // namespace aarch64

Instruction decode_aarch64(std::uint32_t word, std::uint64_t pc, const Registers& registers) {
  const aarch64::Word fields(word, pc, registers);
  for (const auto decode : {aarch64::decode_load_store, aarch64::decode_structure_load_store,
                            aarch64::decode_system_or_branch})
    if (auto found = decode(fields)) return *found;
  Instruction other;
  other.text = fmt::format(".inst 0x{:08x}", word);
  other.length = 4;
  return other;
}

}  // namespace panicroom
