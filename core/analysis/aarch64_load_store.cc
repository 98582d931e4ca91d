// A64 loads and stores of general registers and of single vector registers. Arm Architecture
// Reference Manual, C4.1 "Loads and Stores".
#include <fmt/format.h>

#include <array>

#include "core/analysis/aarch64_word.h"

namespace panicroom::aarch64 {
namespace {

using Decoded = std::optional<Instruction>;

constexpr std::array<std::string_view, 4> narrow = {"b", "h", "", ""};

/// What "size", "V" and "opc" of a load or store of one register say.
struct Access {
  bool vector = false, prefetches = false;
  bool stores = false;
  bool wide = false;   ///< the register is Xn
  unsigned scale = 0;  ///< of 1 << scale bytes
  std::string ending;  ///< of the mnemonic: "", "b", "sh", "sw"
};

std::optional<Access> access_of(const Word& word) {
  const unsigned size = word.bits(31, 30), kind = word.bits(23, 22);
  Access access;
  access.scale = size;
  access.vector = word.bit(26);
  access.stores = kind == 0;
  if (access.vector) {
    access.stores = (kind & 1) == 0;
    if ((kind & 2) != 0 && size != 0) return std::nullopt;
    if ((kind & 2) != 0) access.scale = 4;
    return access;
  }
  access.wide = kind == 2 || size == 3;
  access.ending = narrow[size];
  if (kind < 2) return access;
  if (size == 3) {
    access.prefetches = true;
    return kind == 2 ? std::optional(access) : std::nullopt;
  }
  if (size == 2 && kind == 3) return std::nullopt;
  access.ending = size == 2 ? "sw" : fmt::format("s{}", narrow[size]);
  return access;
}

/// What a prefetch is for, the field "prfop".
void prefetch_operation(Word& word) {
  constexpr std::array<std::string_view, 3> kinds = {"pld", "pli", "pst"};
  const unsigned operation = word.bits(4, 0), kind = operation >> 3, level = operation >> 1 & 3;
  if (kind == 3 || level == 3)
    word.immediate(operation);
  else
    word.literal(
        fmt::format("{}l{}{}", kinds[kind], level + 1, (operation & 1) != 0 ? "strm" : "keep"));
}

void target(Word& word, const Access& access) {
  if (access.prefetches)
    prefetch_operation(word);
  else if (access.vector)
    word.vector(word.bits(4, 0), access.scale);
  else
    word.general(word.bits(4, 0), access.wide);
}

/// The mnemonic's parts around "ld" or "st", behind which a prefetch has one of its own.
Instruction finish(Word& word, const Access& access, std::string_view loads,
                   std::string_view stores, std::string_view prefetches) {
  if (access.prefetches) {
    word.access(0, false, false);
    return word.finish(prefetches);
  }
  word.access(1U << access.scale, !access.stores, access.stores);
  return word.finish(fmt::format("{}{}", access.stores ? stores : loads, access.ending));
}

Decoded unsigned_offset(Word word) {
  const auto access = access_of(word);
  if (!access) return std::nullopt;
  target(word, *access);
  word.address(word.bits(9, 5), std::int64_t{word.bits(21, 10)} << access->scale, Indexing::offset);
  return finish(word, *access, "ldr", "str", "prfm");
}

/// With nine bits of offset: unscaled, before or after, or as the user's program may.
Decoded short_offset(Word word) {
  const auto access = access_of(word);
  const unsigned kind = word.bits(11, 10);
  if (!access || (kind != 0 && access->prefetches) || (kind == 2 && access->vector))
    return std::nullopt;
  target(word, *access);
  const bool moves = (kind & 1) != 0;
  word.address(word.bits(9, 5), word.signed_bits(20, 12),
               !moves      ? Indexing::offset
               : kind == 1 ? Indexing::after
                           : Indexing::before);
  if (moves) return finish(word, *access, "ldr", "str", "");
  return kind == 0 ? finish(word, *access, "ldur", "stur", "prfum")
                   : finish(word, *access, "ldtr", "sttr", "");
}

Decoded register_offset(Word word) {
  const auto access = access_of(word);
  const unsigned extension = word.bits(15, 13);
  if (!access || (extension & 2) == 0) return std::nullopt;
  target(word, *access);
  const bool scaled = word.bit(12);
  word.address(word.bits(9, 5), word.bits(20, 16), extension, scaled ? access->scale : 0, scaled);
  return finish(word, *access, "ldr", "str", "prfm");
}

/// Large System Extensions: load, change, store.
Decoded atomic(Word word) {
  constexpr std::array<std::string_view, 8> operations = {"add",  "clr",  "eor",  "set",
                                                          "smax", "smin", "umax", "umin"};
  if (word.bit(26)) return std::nullopt;
  const unsigned size = word.bits(31, 30), operation = word.bits(14, 12), other = word.bits(20, 16),
                 old = word.bits(4, 0);
  const bool acquires = word.bit(23), releases = word.bit(22), exchanges = word.bit(15);
  const bool wide = size == 3;
  std::string mnemonic;
  if (!exchanges) {
    // Nobody wants the old value: a store. An acquiring one has no such name.
    const bool stores = old == 31 && !acquires;
    word.general(other, wide);
    if (!stores) word.general(old, wide);
    mnemonic = fmt::format("{}{}", stores ? "st" : "ld", operations[operation]);
  } else if (operation == 0) {
    word.general(other, wide), word.general(old, wide);
    mnemonic = "swp";
  } else if (operation == 4 && acquires && !releases && other == 31) {
    word.general(old, wide);
    word.address(word.bits(9, 5), 0, Indexing::offset);
    word.access(1U << size, true, false);
    return word.finish(fmt::format("ldapr{}", narrow[size]));
  } else {
    return std::nullopt;
  }
  word.address(word.bits(9, 5), 0, Indexing::offset);
  word.access(1U << size, true, true);
  return word.finish(
      fmt::format("{}{}{}{}", mnemonic, acquires ? "a" : "", releases ? "l" : "", narrow[size]));
}

/// A load through a signed pointer (FEAT_PAuth). What the address is without its signature depends
/// on the size of addresses; kernels' have their upper bits set.
Decoded authenticated(Word word) {
  if (word.bits(31, 30) != 3 || word.bit(26)) return std::nullopt;
  const std::int64_t offset = (word.bit(22) ? -512 : 0) + std::int64_t{word.bits(20, 12)};
  word.general(word.bits(4, 0), true);
  word.address(word.bits(9, 5), offset * 8, word.bit(11) ? Indexing::before : Indexing::offset);
  word.access(8, true, false);
  return word.finish(word.bit(23) ? "ldrab" : "ldraa");
}

Decoded literal(Word word) {
  constexpr std::array<std::string_view, 4> names = {"ldr", "ldr", "ldrsw", "prfm"};
  const unsigned kind = word.bits(31, 30);
  const bool vector = word.bit(26);
  if (vector && kind == 3) return std::nullopt;
  unsigned size = kind == 1 ? 8 : 4;
  if (vector) {
    size = 4U << kind;
    word.vector(word.bits(4, 0), kind + 2);
  } else if (kind == 3) {
    size = 0;
    prefetch_operation(word);
  } else {
    word.general(word.bits(4, 0), kind != 0);
  }
  word.address_of_code(word.signed_bits(23, 5) * 4);
  word.access(size, size != 0, false);
  return word.finish(vector ? "ldr" : names[kind]);
}

Decoded pair(Word word) {
  const unsigned kind = word.bits(31, 30), mode = word.bits(24, 23);
  const bool vector = word.bit(26), loads = word.bit(22);
  if (kind == 3) return std::nullopt;
  unsigned scale = vector ? kind + 2 : kind == 2 ? 3 : 2;
  unsigned size = 2U << scale;
  std::string_view mnemonic = loads ? "ldp" : "stp";
  if (mode == 0) mnemonic = loads ? "ldnp" : "stnp";
  if (kind == 1 && !vector) {
    if (mode == 0) return std::nullopt;
    mnemonic = loads ? "ldpsw" : "stgp";
    if (!loads) scale = 4, size = 16;  // two registers with the tag of their place
  }
  for (const unsigned number : {word.bits(4, 0), word.bits(14, 10)}) {
    if (vector)
      word.vector(number, scale);
    else
      word.general(number, kind != 0);
  }
  word.address(word.bits(9, 5), word.signed_bits(21, 15) * (std::int64_t{1} << scale),
               mode == 1   ? Indexing::after
               : mode == 3 ? Indexing::before
                           : Indexing::offset);
  word.access(size, loads, !loads);
  return word.finish(mnemonic);
}

/// CASP: two registers each, which begin at an even one.
Decoded compare_and_swap_pair(Word word) {
  const unsigned expected = word.bits(20, 16), wanted = word.bits(4, 0);
  if (word.bits(14, 10) != 31 || ((expected | wanted) & 1) != 0) return std::nullopt;
  const bool wide = word.bit(30);
  for (const unsigned number : {expected, wanted}) {
    word.general(number, wide);
    word.general(number + 1, wide);
  }
  word.address(word.bits(9, 5), 0, Indexing::offset);
  word.access(wide ? 16 : 8, true, true);
  return word.finish(fmt::format("casp{}{}", word.bit(22) ? "a" : "", word.bit(15) ? "l" : ""));
}

Decoded compare_and_swap(Word word) {
  if (word.bits(14, 10) != 31) return std::nullopt;
  const unsigned size = word.bits(31, 30);
  word.general(word.bits(20, 16), size == 3);
  word.general(word.bits(4, 0), size == 3);
  word.address(word.bits(9, 5), 0, Indexing::offset);
  word.access(1U << size, true, true);
  return word.finish(
      fmt::format("cas{}{}{}", word.bit(22) ? "a" : "", word.bit(15) ? "l" : "", narrow[size]));
}

Decoded exclusive_or_ordered(Word word) {
  if (word.bit(26)) return std::nullopt;
  const unsigned size = word.bits(31, 30);
  const bool ordered = word.bit(23), loads = word.bit(22), second = word.bit(21),
             strict = word.bit(15);
  if (second && ordered) return compare_and_swap(word);
  if (second && size < 2) return compare_and_swap_pair(word);
  const bool wide = size == 3;
  // Whether a store that needs the place for itself succeeded.
  if (!ordered && !loads) word.general(word.bits(20, 16), false);
  word.general(word.bits(4, 0), wide);
  if (second) word.general(word.bits(14, 10), wide);
  word.address(word.bits(9, 5), 0, Indexing::offset);
  word.access((second ? 2U : 1U) << size, loads, !loads);
  std::string_view mnemonic;
  if (ordered)
    mnemonic = loads ? strict ? "ldar" : "ldlar" : strict ? "stlr" : "stllr";
  else if (loads)
    mnemonic = strict ? "ldax" : "ldx";
  else
    mnemonic = strict ? "stlx" : "stx";
  return word.finish(fmt::format("{}{}{}", mnemonic,
                                 ordered  ? ""
                                 : second ? "p"
                                          : "r",
                                 narrow[size]));
}

/// Loads that acquire and stores that release, with nine bits of offset (FEAT_LRCPC2).
Decoded ordered_with_offset(Word word) {
  const auto access = access_of(word);
  if (!access || access->vector || access->prefetches) return std::nullopt;
  target(word, *access);
  word.address(word.bits(9, 5), word.signed_bits(20, 12), Indexing::offset);
  return finish(word, *access, "ldapur", "stlur", "");
}

/// Allocation tags of memory, of 16 bytes each (FEAT_MTE).
Decoded memory_tag(Word word) {
  constexpr std::array<std::string_view, 4> names = {"stg", "stzg", "st2g", "stz2g"};
  const unsigned operation = word.bits(23, 22), mode = word.bits(11, 10), tagged = word.bits(4, 0);
  if (word.bits(31, 30) != 3 || word.bit(26)) return std::nullopt;
  if (mode == 0) {
    if (operation != 1 && word.bits(20, 12) != 0) return std::nullopt;
    word.general(tagged, true);
    if (operation == 1) {
      word.address(word.bits(9, 5), word.signed_bits(20, 12) * 16, Indexing::offset);
      word.access(16, true, false);
      return word.finish("ldg");
    }
    word.address(word.bits(9, 5), 0, Indexing::offset);
    word.access(0, operation == 3, operation != 3);
    return word.finish(operation == 0 ? "stzgm" : operation == 2 ? "stgm" : "ldgm");
  }
  word.general_or_stack(tagged);
  word.address(word.bits(9, 5), word.signed_bits(20, 12) * 16,
               mode == 1   ? Indexing::after
               : mode == 2 ? Indexing::offset
                           : Indexing::before);
  word.access(operation < 2 ? 16 : 32, false, true);
  return word.finish(names[operation]);
}

/// Copies and fills of memory in three steps (FEAT_MOPS). How far the second and third are, and so
/// their addresses, the processor keeps in a way of its own.
Decoded memory_copy_or_set(Word word) {
  constexpr std::array<std::string_view, 3> steps = {"p", "m", "e"};
  constexpr std::array<std::string_view, 16> kinds = {"",     "wt",  "rt",  "t",    "wn",   "wtwn",
                                                      "rtwn", "twn", "rn",  "wtrn", "rtrn", "trn",
                                                      "n",    "wtn", "rtn", "tn"};
  constexpr std::array<std::string_view, 4> kinds_of_set = {"", "t", "n", "tn"};
  const unsigned to = word.bits(4, 0), size = word.bits(9, 5), from = word.bits(20, 16);
  const bool sets = word.bits(23, 22) == 3;
  const unsigned step = sets ? word.bits(15, 14) : word.bits(23, 22);
  if (word.bits(31, 30) != 0 || step >= steps.size() || to == 31 || size == 31 ||
      (!sets && from == 31) || to == size || to == from || size == from)
    return std::nullopt;
  const bool first = step == 0;
  word.moving_address(to, first);
  word.access(0, false, true);
  if (!sets) {
    word.moving_address(from, first);
    word.access(0, true, false);
  }
  word.literal(word.register_name(size, true) + "!");
  if (!sets)
    return word.finish(
        fmt::format("cpy{}{}{}", word.bit(26) ? "" : "f", steps[step], kinds[word.bits(15, 12)]));
  word.general(from, true);
  return word.finish(fmt::format("set{}{}{}", word.bit(26) ? "g" : "", steps[step],
                                 kinds_of_set[word.bits(13, 12)]));
}

}  // namespace

std::optional<Instruction> decode_load_store(const Word& word) {
  if (!word.bit(27) || word.bit(25)) return std::nullopt;
  switch (word.bits(29, 28)) {
    case 0:
      return word.bit(24) ? std::nullopt : exclusive_or_ordered(word);
    case 1:
      if (!word.bit(24)) return literal(word);
      if (word.bit(21)) return memory_tag(word);
      if (word.bits(11, 10) == 1) return memory_copy_or_set(word);
      return word.bits(11, 10) == 0 ? ordered_with_offset(word) : std::nullopt;
    case 2:
      return pair(word);
    default:
      break;
  }
  if (word.bit(24)) return unsigned_offset(word);
  if (!word.bit(21)) return short_offset(word);
  if (word.bit(10)) return authenticated(word);
  return word.bit(11) ? register_offset(word) : atomic(word);
}

}  // namespace panicroom::aarch64
