#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// A symbol at its run-time address (any KASLR slide already applied). `name` lives as long as the
/// table.
struct Symbol {
  std::string_view name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;  ///< bytes; 0 where the source has none (kallsyms)
  char type = '?';         ///< the letter of nm(1): T t D d B b R r A a W w V v ?
};

/// Symbols by name and by address. Where several symbols share a name, `find` answers the global
/// one, else the lowest address.
class SymbolTable {
 public:
  virtual ~SymbolTable() = default;
  /// Where the symbols come from, for the user: "kallsyms in the dump", "kernel (ELF .symtab)".
  virtual std::string_view origin() const = 0;
  virtual std::size_t size() const = 0;
  virtual std::optional<Symbol> find(std::string_view name) const = 0;
  /// `find` of each name, in their order. One pass where a single `find` costs a pass: look up what
  /// a reader needs at its start together.
  virtual std::vector<std::optional<Symbol>> find_all(
      std::span<const std::string_view> names) const;
  /// The symbol that covers `address`: the last one at or below it, not past its size where it has
  /// one, and at most 1 MiB away where it has none; of several at one address a function before a
  /// label (the first 64 are looked at).
  virtual std::optional<Symbol> at(std::uint64_t address) const = 0;
  /// Every symbol by ascending address.
  virtual std::span<const Symbol> all() const = 0;
};

/// Symbols from a list in any order. `names` keeps the bytes alive that the symbols' names point
/// into.
std::unique_ptr<SymbolTable> make_symbol_table(std::string origin, std::vector<Symbol> symbols,
                                               std::shared_ptr<const void> names);

}  // namespace panicroom
