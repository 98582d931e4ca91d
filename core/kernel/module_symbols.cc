#include "core/kernel/module_symbols.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"

namespace panicroom {
namespace {

constexpr std::uint64_t most_symbols = 1U << 21U;      // of all modules together
constexpr std::uint64_t most_symbol_text = 1U << 26U;  // of all modules together, bytes
constexpr std::size_t longest_name = 512;              // KSYM_NAME_LEN

class KernelAndModules final : public SymbolTable {
 public:
  KernelAndModules(std::shared_ptr<const SymbolTable> kernel,
                   std::unique_ptr<SymbolTable> of_modules,
                   std::function<bool(std::uint64_t)> in_modules)
      : kernel_(std::move(kernel)),
        of_modules_(std::move(of_modules)),
        in_modules_(std::move(in_modules)) {}

  std::string_view origin() const override { return kernel_->origin(); }
  std::size_t size() const override { return kernel_->size() + of_modules_->size(); }
  std::span<const Symbol> all() const override {
    if (all_.empty()) {
      const auto kernel = kernel_->all(), modules = of_modules_->all();
      all_.resize(kernel.size() + modules.size());
      std::merge(kernel.begin(), kernel.end(), modules.begin(), modules.end(), all_.begin(),
                 [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
    }
    return all_;
  }
  std::optional<Symbol> find(std::string_view name) const override {
    if (auto symbol = kernel_->find(name)) return symbol;
    return of_modules_->find(name);
  }
  std::vector<std::optional<Symbol>> find_all(
      std::span<const std::string_view> names) const override {
    auto found = kernel_->find_all(names);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (!found[i]) found[i] = of_modules_->find(names[i]);
    return found;
  }
  std::optional<Symbol> at(std::uint64_t address) const override {
    if (!in_modules_(address)) return kernel_->at(address);
    // A module may claim to lie where the kernel does: what the kernel file covers is the kernel's.
    const auto own = kernel_->at(address);
    if (own && own->size != 0 && address - own->address < own->size) return own;
    return of_modules_->at(address);
  }

 private:
  std::shared_ptr<const SymbolTable> kernel_;
  std::unique_ptr<SymbolTable> of_modules_;
  std::function<bool(std::uint64_t)> in_modules_;
  mutable std::vector<Symbol> all_;  // made when it is first asked for
};

/// By st_info: the letter of nm(1) as far as type and binding tell; '\0' for sections and files.
char letter_of(std::uint8_t info) {
  constexpr unsigned object = 1, function = 2, section = 3, file = 4;
  const unsigned type = info & 15U;
  if (type == section || type == file) return '\0';
  const bool is_local = info >> 4U == 0;
  if (type == function) return is_local ? 't' : 'T';
  if (type == object) return is_local ? 'd' : 'D';
  return '?';
}

}  // namespace

Result<void> ModuleSymbols::add(std::string_view name, std::uint64_t address, std::uint64_t size,
                                char letter) {
  if (text_->size() + name.size() > most_symbol_text)
    return fail(ErrorCode::corrupt, "the names of the modules' symbols are too long together");
  places_.push_back({text_->size(), name.size()});
  symbols_.push_back(Symbol{{}, address, size, letter});
  text_->append(name);
  return {};
}

Result<void> ModuleSymbols::read(AddressSpace& memory, const Table& table) {
  if (table.count > most_symbols - seen_)
    return fail_at_address(ErrorCode::corrupt, table.first,
                           fmt::format("{} symbols, where all modules together have at most {}",
                                       table.count, most_symbols));
  seen_ += table.count;
  // ELF's own layout: name, info, other, section, value, size; 32-bit has value and size earlier.
  const bool wide = memory.machine().pointer_size == 8;
  const std::uint64_t entry = wide ? 24 : 16;
  std::vector<std::byte> bytes(static_cast<std::size_t>(table.count * entry));
  PANICROOM_CHECK(memory.read(table.first, bytes));
  const Reader reader(bytes, memory.machine().order);
  for (std::uint64_t i = 0; i < table.count; ++i) {
    const std::uint64_t at = i * entry;
    const auto name = reader.u32(at);
    const auto info = reader.u8(at + (wide ? 4 : 12));
    const auto section = reader.u16(at + (wide ? 6 : 14));
    const auto value = reader.word(at + (wide ? 8 : 4), wide ? 8 : 4);
    const auto size = reader.word(at + (wide ? 16 : 8), wide ? 8 : 4);
    if (!name || !info || !section || !value || !size || *name == 0 || *section == 0) continue;
    if (table.texts_size != 0 && *name >= table.texts_size) continue;
    const auto text = memory.string(table.texts + *name, longest_name);
    if (!text || text->empty()) continue;
    const char letter = table.letter ? table.letter(i) : letter_of(*info);
    if (letter == '\0') continue;
    PANICROOM_CHECK(add(*text, *value + table.bias, *size, letter));
  }
  return {};
}

std::shared_ptr<const SymbolTable> ModuleSymbols::join(
    std::shared_ptr<const SymbolTable> kernel, std::function<bool(std::uint64_t)> in_modules) && {
  if (symbols_.empty()) return kernel;
  for (std::size_t i = 0; i < symbols_.size(); ++i)
    symbols_[i].name = std::string_view(*text_).substr(places_[i].offset, places_[i].length);
  return std::make_shared<KernelAndModules>(
      std::move(kernel),
      make_symbol_table("modules in the dump", std::move(symbols_), std::move(text_)),
      std::move(in_modules));
}

}  // namespace panicroom
