#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory/address_space.h"
#include "core/symbols/kallsyms.h"

namespace panicroom {

/// The 256 strings that one byte of a compressed name stands for. Linux, scripts/kallsyms.c.
class KallsymsTokens {
 public:
  /// Errors: `corrupt` when the index leads out of the table, `not_in_dump`.
  static Result<KallsymsTokens> read(AddressSpace& kernel, std::uint64_t table,
                                     std::uint64_t index);
  std::string_view operator[](std::byte token) const {
    const Place place = places_[std::to_integer<std::size_t>(token)];
    return {text_.data() + place.offset, place.length};
  }
  std::uint32_t length(std::byte token) const {
    return places_[std::to_integer<std::size_t>(token)].length;
  }

 private:
  struct Place {
    std::uint16_t offset = 0, length = 0;
  };
  std::string text_;
  std::array<Place, 256> places_{};
};

/// The compressed names, with the place of each: found in one pass, decoded one by one.
class KallsymsNames {
 public:
  /// More symbols than any kernel has; and the longest name with its type (KSYM_NAME_LEN is 512).
  static constexpr std::uint64_t kCountLimit = std::uint64_t{1} << 22;
  static constexpr std::uint32_t kNameLimit = 1024;

  /// Errors: `corrupt` for counts, lengths and names that no kernel has, `not_in_dump`.
  static Result<KallsymsNames> read(AddressSpace& kernel, const KallsymsTables& tables);

  std::size_t size() const { return lengths_.size(); }
  /// Bytes of all names and their type letters together.
  std::size_t text_size() const { return text_size_; }
  /// Appends the type letter and the name of symbol `i`.
  void append(std::size_t i, std::string& out) const;
  /// Bytes that `append` appends: at least 1.
  std::uint32_t length(std::size_t i) const { return lengths_[i]; }
  /// True when symbol `i` is called `name`, whatever its type.
  bool is(std::size_t i, std::string_view name) const;
  char type(std::size_t i) const;

 private:
  Bytes tokens_of(std::size_t i) const;

  KallsymsTokens tokens_;
  std::vector<std::byte> bytes_;
  std::vector<std::uint32_t> places_;   // of each symbol's length bytes
  std::vector<std::uint16_t> lengths_;  // of the type letter and name
  std::size_t text_size_ = 0;
};

/// A compressed name's length as its one or two bytes say it. A second byte (bit 7 of the first
/// set) came with Linux 6.1; before it no name had 128 tokens, so both readings agree.
struct KallsymsLength {
  std::uint32_t tokens = 0;
  std::uint32_t bytes = 0;  ///< of the length itself
};
inline std::optional<KallsymsLength> kallsyms_length(Bytes at) {
  if (at.empty()) return std::nullopt;
  const auto first = std::to_integer<std::uint32_t>(at[0]);
  if ((first & 0x80) == 0) return KallsymsLength{first, 1};
  if (at.size() < 2) return std::nullopt;
  return KallsymsLength{(first & 0x7f) | std::to_integer<std::uint32_t>(at[1]) << 7, 2};
}

}  // namespace panicroom
