#include "core/symbols/symbol_table.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <mutex>
#include <tuple>
#include <utility>

namespace panicroom {

namespace {

// How far a symbol without a size reaches.
constexpr std::uint64_t kReach = std::uint64_t{1} << 20;
// More symbols than linkers put at one address; a file may put all of its own there.
constexpr std::ptrdiff_t kAliases = 64;

bool is_global(char type) { return type >= 'A' && type <= 'Z'; }
bool is_code(char type) { return type == 'T' || type == 't' || type == 'W' || type == 'w'; }

/// Of several symbols at one address: one with a size before a label, code before data.
int rank(const Symbol& symbol) {
  return (symbol.size != 0 ? 2 : 0) + (is_code(symbol.type) ? 1 : 0);
}

/// The symbols by ascending address, and each name's place by its hash. The hashes are
/// sorted, not put in buckets, so that no choice of names makes building or finding slow.
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
    const auto found = std::lower_bound(
        by_name_.begin(), by_name_.end(), hash, [&](const NamedPlace& a, std::uint64_t wanted) {
          return a.hash != wanted ? a.hash < wanted : symbols_[a.place].name < name;
        });
    if (found == by_name_.end() || symbols_[found->place].name != name) return std::nullopt;
    return symbols_[found->place];
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
    if (past - first > kAliases) past = first + kAliases;
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
    keep_one_of_each_name();
  }

  /// Of several symbols with one name the one that `find` answers.
  void keep_one_of_each_name() const {
    const auto first = [this](const NamedPlace& a, const NamedPlace& b) {
      const Symbol &x = symbols_[a.place], &y = symbols_[b.place];
      return std::tuple(x.name, !is_global(x.type), a.place) <
             std::tuple(y.name, !is_global(y.type), b.place);
    };
    for (auto run = by_name_.begin(); run != by_name_.end();) {
      const auto end = std::find_if(run, by_name_.end(),
                                    [&](const NamedPlace& a) { return a.hash != run->hash; });
      if (end - run > 1) std::sort(run, end, first);
      run = end;
    }
    const auto same = [this](const NamedPlace& a, const NamedPlace& b) {
      return a.hash == b.hash && symbols_[a.place].name == symbols_[b.place].name;
    };
    by_name_.erase(std::unique(by_name_.begin(), by_name_.end(), same), by_name_.end());
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
