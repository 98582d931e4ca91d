#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/memory/address_space.h"
#include "core/symbols/symbol_table.h"
#include "core/types/type_catalog.h"

namespace panicroom {

/// A value in memory: its type and where it lies. A bit-field has its lowest bit at `bit_offset` of
/// the integer of `unit` bytes at `address`.
struct Place {
  TypeRef type;
  std::uint64_t address = 0;
  std::uint32_t bit_offset = 0;
  std::uint32_t bit_size = 0;  ///< 0: no bit-field
  std::uint64_t unit = 0;      ///< bytes; bit-fields
};

/// The place of a member within the structure at `address`.
Place place_of(std::uint64_t address, const Member& member);

/// One line of a printed value.
struct ValueLine {
  enum class What : std::uint8_t {
    scalar,   ///< `text` is its value
    opening,  ///< a structure, union or array of such: its parts follow, one level deeper
    closing,
    left_out,  ///< `text` says what is not shown
    missing    ///< `text` says why it cannot be read
  };
  What what = What::scalar;
  unsigned depth = 0;
  std::string name;  ///< of the member, "[3]" of an element; empty: it has none; raw bytes
  std::string path;  ///< from the printed value: "tasks.next", "leaves[2].id"
  Place place;
  std::string text;  ///< raw bytes of the dump may be in it
};

struct ValueLimits {
  unsigned depth = 32;           ///< structures within structures that are shown
  std::uint64_t elements = 200;  ///< of an array
};

/// What the value of a pointer means beside the address that it is, by a name of its type; nothing
/// where a type of that name has no meaning of its own.
using PointerWords =
    std::function<std::optional<std::string>(std::string_view type, std::uint64_t value)>;

/// What tells more of a value than its type does.
struct ValueWords {
  const SymbolTable* symbols = nullptr;  ///< may be null
  PointerWords pointers;                 ///< may be empty
};

/// Calls `visit` for each line of the value until it answers false. Integers are decimal, pointers
/// hexadecimal with the symbol they point to, enumerations by name, arrays of char as text. What
/// cannot be read is a line that says why. Errors: `corrupt`, `no_type`: the type has no value.
Result<void> value_lines(AddressSpace& memory, const ValueWords& words, const Place& place,
                         const ValueLimits& limits,
                         const std::function<bool(const ValueLine&)>& visit);

/// The integer, pointer, enumeration or bit-field at `place`, sign-extended where its type is
/// signed. Errors: those of a read, `no_type` for what is no number.
Result<std::uint64_t> number_at(AddressSpace& memory, const Place& place);

}  // namespace panicroom
