#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory/address_space.h"
#include "core/symbols/symbol_table.h"

namespace panicroom {

/// The symbols of all loaded modules; their names are places in one text until that is complete.
class ModuleSymbols {
 public:
  /// An ELF symbol table in the kernel's memory.
  struct Table {
    std::uint64_t first = 0, count = 0;         ///< its entries
    std::uint64_t texts = 0, texts_size = 0;    ///< their names; a size of 0 is not known
    std::uint64_t bias = 0;                     ///< added to their values
    std::function<char(std::uint64_t)> letter;  ///< of nm(1), by the entry's number
  };
  /// Adds those that are defined and named. Errors: `corrupt` when all modules together have more
  /// than there can be, those of a read.
  Result<void> read(AddressSpace& memory, const Table& table);
  bool empty() const { return symbols_.empty(); }
  /// The kernel's symbols together with these. `in_modules`: the address lies within a module.
  std::shared_ptr<const SymbolTable> join(std::shared_ptr<const SymbolTable> kernel,
                                          std::function<bool(std::uint64_t)> in_modules) &&;

 private:
  struct Place {
    std::size_t offset = 0, length = 0;
  };
  Result<void> add(std::string_view name, std::uint64_t address, std::uint64_t size, char letter);

  std::shared_ptr<std::string> text_ = std::make_shared<std::string>();
  std::vector<Place> places_;
  std::vector<Symbol> symbols_;
  std::uint64_t seen_ = 0;  ///< entries that were looked at
};

}  // namespace panicroom
