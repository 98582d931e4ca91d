#include "core/symbols/symbol_table.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>

namespace panicroom {

namespace {

// How far a symbol without a size reaches.
constexpr std::uint64_t kReach = std::uint64_t{1} << 20;

bool is_global(char type) { return type >= 'A' && type <= 'Z'; }
bool is_code(char type) { return type == 'T' || type == 't' || type == 'W' || type == 'w'; }

/// Of several symbols at one address: one with a size before a label, code before data.
int rank(const Symbol& symbol) {
  return (symbol.size != 0 ? 2 : 0) + (is_code(symbol.type) ? 1 : 0);
}

/// The symbols by ascending address, and their places by the hash of their name. The hashes are
/// sorted, not put in buckets, so that no choice of names makes building slow.
class ListedSymbols final : public SymbolTable {
 public:
  ListedSymbols(std::string origin, std::vector<Symbol> symbols, std::shared_ptr<const void> names)
      : origin_(std::move(origin)), symbols_(std::move(symbols)), names_(std::move(names)) {
    const auto by_address = [](const Symbol& a, const Symbol& b) { return a.address < b.address; };
    if (!std::is_sorted(symbols_.begin(), symbols_.end(), by_address)) sort();
  }

  std::string_view origin() const override { return origin_; }
  std::size_t size() const override { return symbols_.size(); }
  std::span<const Symbol> all() const override { return symbols_; }

  std::optional<Symbol> find(std::string_view name) const override {
    std::call_once(indexed_, [this] { index(); });
    const std::uint64_t hash = std::hash<std::string_view>{}(name);
    const Symbol* first = nullptr;
    for (auto at = std::lower_bound(by_name_.begin(), by_name_.end(), NamedPlace{hash, 0});
         at != by_name_.end() && at->hash == hash; ++at) {
      const Symbol& symbol = symbols_[at->place];
      if (symbol.name != name) continue;
      if (is_global(symbol.type)) return symbol;
      if (first == nullptr) first = &symbol;
    }
    if (first == nullptr) return std::nullopt;
    return *first;
  }

  std::optional<Symbol> at(std::uint64_t address) const override {
    auto past = std::upper_bound(
        symbols_.begin(), symbols_.end(), address,
        [](std::uint64_t value, const Symbol& symbol) { return value < symbol.address; });
    if (past == symbols_.begin()) return std::nullopt;
    const std::uint64_t start = std::prev(past)->address;
    const auto first = std::lower_bound(
        symbols_.begin(), past, start,
        [](const Symbol& symbol, std::uint64_t value) { return symbol.address < value; });
    const Symbol* best = nullptr;
    for (auto symbol = first; symbol != past; ++symbol) {
      const std::uint64_t reach = symbol->size != 0 ? symbol->size : kReach;
      if (address - start >= reach) continue;
      if (best == nullptr || rank(*symbol) > rank(*best)) best = &*symbol;
    }
    if (best == nullptr) return std::nullopt;
    return *best;
  }

 private:
  struct NamedPlace {
    std::uint64_t hash;
    std::uint32_t place;
    auto operator<=>(const NamedPlace&) const = default;
  };

  /// By address; symbols at one address keep their order.
  void sort() {
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    order.reserve(symbols_.size());
    for (std::size_t i = 0; i < symbols_.size(); ++i) order.emplace_back(symbols_[i].address, i);
    std::sort(order.begin(), order.end());
    std::vector<Symbol> sorted;
    sorted.reserve(symbols_.size());
    for (const auto& [address, i] : order) sorted.push_back(symbols_[i]);
    symbols_ = std::move(sorted);
  }

  void index() const {
    by_name_.reserve(symbols_.size());
    for (std::size_t i = 0; i < symbols_.size(); ++i)
      by_name_.push_back(
          {std::hash<std::string_view>{}(symbols_[i].name), static_cast<std::uint32_t>(i)});
    std::sort(by_name_.begin(), by_name_.end());
  }

  std::string origin_;
  std::vector<Symbol> symbols_;
  std::shared_ptr<const void> names_;
  mutable std::once_flag indexed_;
  mutable std::vector<NamedPlace> by_name_;
};

}  // namespace

std::vector<std::optional<Symbol>> SymbolTable::find_all(
    std::span<const std::string_view> names) const {
  std::vector<std::optional<Symbol>> found;
  found.reserve(names.size());
  for (const auto name : names) found.push_back(find(name));
  return found;
}

std::unique_ptr<SymbolTable> make_symbol_table(std::string origin, std::vector<Symbol> symbols,
                                               std::shared_ptr<const void> names) {
  return std::make_unique<ListedSymbols>(std::move(origin), std::move(symbols), std::move(names));
}

}  // namespace panicroom
