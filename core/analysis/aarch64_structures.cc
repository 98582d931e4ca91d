// A64 loads and stores of structures of one to four elements into vector registers. Arm
// Architecture Reference Manual, C4.1 "Advanced SIMD load/store multiple structures" and "single
// structure".
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string>
#include <vector>

#include "core/analysis/aarch64_word.h"

namespace panicroom::aarch64 {
namespace {

using Decoded = std::optional<Instruction>;

constexpr std::array<std::string_view, 8> arrangements = {"8b", "16b", "4h", "8h",
                                                          "2s", "4s",  "1d", "2d"};

/// "{v0.4s, v1.4s}" or "{v0.4s-v3.4s}".
std::string list_of(unsigned first, unsigned count, std::string_view arrangement) {
  constexpr unsigned registers = 32;
  if (count > 2 && first + count <= registers)
    return fmt::format("{{v{}.{}-v{}.{}}}", first, arrangement, first + count - 1, arrangement);
  std::vector<std::string> names;
  for (unsigned i = 0; i < count; ++i)
    names.push_back(fmt::format("v{}.{}", (first + i) % registers, arrangement));
  return fmt::format("{{{}}}", fmt::join(names, ", "));
}

/// `size`: of all that is loaded or stored, in bytes.
Decoded finish(Word word, unsigned size, const std::string& mnemonic) {
  const unsigned added = word.bits(20, 16);
  if (!word.bit(23)) {
    if (added != 0) return std::nullopt;
    word.address(word.bits(9, 5), 0, Indexing::offset);
  } else if (added == 31) {
    word.address(word.bits(9, 5), size, Indexing::after);
  } else {
    word.address_then(word.bits(9, 5), word.register_name(added, true));
  }
  word.access(size, word.bit(22), !word.bit(22));
  return word.finish((word.bit(22) ? "ld" : "st") + mnemonic);
}

Decoded multiple(Word word) {
  struct Shape {
    unsigned registers, elements;
  };
  constexpr std::array<Shape, 11> shapes = {
      {{4, 4}, {}, {4, 1}, {}, {3, 3}, {}, {3, 1}, {1, 1}, {2, 2}, {}, {2, 1}}};
  const unsigned shape = word.bits(15, 12), size = word.bits(11, 10);
  const bool whole = word.bit(30);
  if (word.bit(21) || shape >= shapes.size() || shapes[shape].registers == 0) return std::nullopt;
  const auto [registers, elements] = shapes[shape];
  if (size == 3 && !whole && elements != 1) return std::nullopt;
  word.literal(list_of(word.bits(4, 0), registers, arrangements[size * 2 + (whole ? 1 : 0)]));
  return finish(word, registers * (whole ? 16 : 8), fmt::format("{}", elements));
}

Decoded single(Word word) {
  const unsigned kind = word.bits(15, 14), size = word.bits(11, 10), whole = word.bits(30, 30),
                 upper = word.bits(12, 12);
  const unsigned elements = word.bits(13, 13) * 2 + word.bits(21, 21) + 1;
  const unsigned first = word.bits(4, 0);
  if (kind == 3) {  // one structure into all elements
    if (!word.bit(22) || upper != 0) return std::nullopt;
    word.literal(list_of(first, elements, arrangements[size * 2 + whole]));
    return finish(word, elements << size, fmt::format("{}r", elements));
  }
  unsigned scale = kind, index = 0;
  if (kind == 0) {
    index = whole * 8 + upper * 4 + size;
  } else if (kind == 1) {
    if ((size & 1) != 0) return std::nullopt;
    index = whole * 4 + upper * 2 + (size >> 1);
  } else if (size == 0) {
    index = whole * 2 + upper;
  } else {
    if (size != 1 || upper != 0) return std::nullopt;
    scale = 3;
    index = whole;
  }
  const std::string_view unit = std::string_view("bhsd").substr(scale, 1);
  word.literal(fmt::format("{}[{}]", list_of(first, elements, unit), index));
  return finish(word, elements << scale, fmt::format("{}", elements));
}

}  // namespace

std::optional<Instruction> decode_structure_load_store(const Word& word) {
  if (word.bit(31) || word.bits(29, 25) != 0b00110) return std::nullopt;
  return word.bit(24) ? single(word) : multiple(word);
}

}  // namespace panicroom::aarch64
