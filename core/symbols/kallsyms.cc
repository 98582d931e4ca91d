#include "core/symbols/kallsyms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <string>

#include "core/symbols/kallsyms_addresses.h"
#include "core/symbols/kallsyms_names.h"

namespace panicroom {

namespace {

// How far the last symbol below an address reaches: kallsyms knows no sizes.
constexpr std::uint64_t kReach = std::uint64_t{1} << 20;
// More symbols than linkers put at one address; a dump may put all of its own there.
constexpr std::ptrdiff_t kAliases = 64;
// So many single searches cost as much as decoding the whole table and indexing it.
constexpr unsigned kSearches = 16;
constexpr std::string_view kOrigin = "kallsyms in the dump";

bool is_global(char type) { return type >= 'A' && type <= 'Z'; }
bool is_code(char type) { return type == 'T' || type == 't' || type == 'W' || type == 'w'; }

/// Decodes what is asked for; the whole table only when it is listed.
class Kallsyms final : public SymbolTable {
 public:
  Kallsyms(KallsymsNames names, std::vector<std::uint64_t> addresses)
      : names_(std::move(names)),
        addresses_(std::move(addresses)),
        ascending_(std::is_sorted(addresses_.begin(), addresses_.end())) {}

  std::string_view origin() const override { return kOrigin; }
  std::size_t size() const override { return addresses_.size(); }
  std::span<const Symbol> all() const override { return decoded().all(); }

  std::optional<Symbol> find(std::string_view name) const override {
    {
      const std::lock_guard lock(mutex_);
      if (searches_ < kSearches) {
        ++searches_;
        return search(std::array{name}).front();
      }
    }
    return decoded().find(name);
  }

  std::vector<std::optional<Symbol>> find_all(
      std::span<const std::string_view> names) const override {
    const std::lock_guard lock(mutex_);
    return search(names);
  }

  std::optional<Symbol> at(std::uint64_t address) const override {
    if (!ascending_) return decoded().at(address);
    auto past = std::upper_bound(addresses_.begin(), addresses_.end(), address);
    if (past == addresses_.begin() || address - *std::prev(past) >= kReach) return std::nullopt;
    const auto first = std::lower_bound(addresses_.begin(), past, *std::prev(past));
    if (past - first > kAliases) past = first + kAliases;
    // The kernel's own choice among several is the first; data and section marks give way to code.
    auto chosen = std::find_if(first, past, [&](const std::uint64_t& value) {
      return is_code(names_.type(place(value)));
    });
    if (chosen == past) chosen = first;
    const std::lock_guard lock(mutex_);
    return symbol(place(*chosen));
  }

 private:
  std::size_t place(const std::uint64_t& value) const {
    return static_cast<std::size_t>(&value - addresses_.data());
  }

  /// Symbol `i` with a name that this table keeps.
  Symbol symbol(std::size_t i) const {
    std::string text;
    names_.append(i, text);
    const auto kept = kept_.insert(text.substr(1)).first;
    return {*kept, addresses_[i], 0, text[0]};
  }

  std::vector<std::optional<Symbol>> search(std::span<const std::string_view> wanted) const {
    // Only names of a wanted length are looked at.
    std::vector<std::vector<std::size_t>> by_length(KallsymsNames::kNameLimit + 1);
    for (std::size_t w = 0; w < wanted.size(); ++w)
      if (wanted[w].size() < KallsymsNames::kNameLimit)
        by_length[wanted[w].size() + 1].push_back(w);
    constexpr std::size_t kNone = ~std::size_t{0};
    std::vector<std::size_t> best(wanted.size(), kNone);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      for (const std::size_t w : by_length[names_.length(i)]) {
        if (!names_.is(i, wanted[w])) continue;
        if (best[w] == kNone || better(i, best[w])) best[w] = i;
      }
    }
    std::vector<std::optional<Symbol>> found;
    found.reserve(wanted.size());
    for (const std::size_t i : best)
      found.push_back(i == kNone ? std::nullopt : std::optional(symbol(i)));
    return found;
  }

  /// A global symbol before a local one of the same name, then the lower address.
  bool better(std::size_t a, std::size_t b) const {
    const bool a_global = is_global(names_.type(a)), b_global = is_global(names_.type(b));
    if (a_global != b_global) return a_global;
    return addresses_[a] < addresses_[b];
  }

  const SymbolTable& decoded() const {
    std::call_once(decode_, [this] {
      auto text = std::make_shared<std::string>();
      text->reserve(names_.text_size());  // the symbols point into it: it must not move
      std::vector<Symbol> symbols;
      symbols.reserve(names_.size());
      for (std::size_t i = 0; i < names_.size(); ++i) {
        const std::size_t begin = text->size();
        names_.append(i, *text);
        const std::string_view whole(text->data() + begin, text->size() - begin);
        symbols.push_back({whole.substr(1), addresses_[i], 0, whole.front()});
      }
      decoded_ = make_symbol_table(std::string(kOrigin), std::move(symbols), std::move(text));
    });
    return *decoded_;
  }

  KallsymsNames names_;
  std::vector<std::uint64_t> addresses_;
  bool ascending_;
  mutable std::mutex mutex_;  // guards kept_ and searches_
  mutable std::set<std::string> kept_;
  mutable unsigned searches_ = 0;
  mutable std::once_flag decode_;
  mutable std::unique_ptr<SymbolTable> decoded_;
};

/// The reading in which _stext is where VMCOREINFO says that it is.
Result<std::vector<std::uint64_t>> choose(std::vector<KallsymsAddresses> readings,
                                          const KallsymsNames& names,
                                          std::optional<std::uint64_t> stext) {
  std::optional<std::size_t> anchor;
  if (stext)
    for (std::size_t i = 0; i < names.size() && !anchor; ++i)
      if (names.is(i, "_stext")) anchor = i;
  if (!anchor) {
    if (readings.front().plausible * 10 < names.size() * 9)
      return fail(
          ErrorCode::corrupt,
          fmt::format("only {} of {} kallsyms addresses lie in ascending order in the kernel",
                      readings.front().plausible, names.size()));
    return std::move(readings.front().values);
  }
  for (auto& reading : readings)
    if (reading.values[*anchor] == *stext) return std::move(reading.values);
  return fail(ErrorCode::corrupt, fmt::format("kallsyms has _stext at {:#x}, VMCOREINFO at {:#x}",
                                              readings.front().values[*anchor], *stext));
}

}  // namespace

std::optional<KallsymsTables> kallsyms_from_vmcoreinfo(const Vmcoreinfo& info,
                                                       AddressSpace& kernel) {
  const auto names = info.symbol("kallsyms_names"), count = info.symbol("kallsyms_num_syms");
  const auto token_table = info.symbol("kallsyms_token_table"),
             token_index = info.symbol("kallsyms_token_index");
  const auto offsets = info.symbol("kallsyms_offsets"),
             addresses = info.symbol("kallsyms_addresses");
  const auto base = info.symbol("kallsyms_relative_base");
  if (!names || !count || !token_table || !token_index || (!offsets && !addresses))
    return std::nullopt;
  const auto number = kernel.u32(*count);
  if (!number) return std::nullopt;
  KallsymsTables tables{
      *number, *names, *token_table, *token_index, offsets.value_or(0), 0, addresses.value_or(0)};
  if (base) {
    const auto value = kernel.word(*base);
    if (!value) return std::nullopt;
    tables.relative_base = *value;
  }
  return tables;
}

Result<std::shared_ptr<const SymbolTable>> read_kallsyms(AddressSpace& kernel,
                                                         const KallsymsTables& tables,
                                                         std::optional<std::uint64_t> stext) {
  PANICROOM_TRY(names, KallsymsNames::read(kernel, tables));
  PANICROOM_TRY(readings, read_kallsyms_addresses(kernel, tables));
  PANICROOM_TRY(addresses, choose(std::move(readings), names, stext));
  return std::make_shared<const Kallsyms>(std::move(names), std::move(addresses));
}

}  // namespace panicroom
