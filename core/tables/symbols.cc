#include <algorithm>
#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 5> columns_of_symbols = {{
    {"name", ColumnType::text, "Name of the symbol."},
    {"address", ColumnType::address, "Its run-time address (KASLR undone)."},
    {"size", ColumnType::integer, "Size in bytes; null where the source has none (kallsyms)."},
    {"type", ColumnType::text,
     "The letter of nm(1): T text, D data, B bss, R read-only, A absolute; lower case is local."},
    {"module", ColumnType::text, "Loaded module that it belongs to; null for the kernel itself.",
     true},
}};

std::array<Value, 5> row_of(Kernel& kernel, const Symbol& symbol) {
  return {std::string(symbol.name), Address{symbol.address},
          symbol.size ? Value(symbol.size) : Value(std::monostate{}), std::string(1, symbol.type),
          cell(kernel.module_at(symbol.address))};
}

/// Every symbol of a name, at an address. Listing them costs more than finding one: a name that
/// there is not is known without it.
void visit_exact(Kernel& kernel, const SymbolTable& symbols, const Query& query,
                 const RowVisitor& visit) {
  if (query.name && !symbols.find(*query.name)) return;
  std::span<const Symbol> listed = symbols.all();
  if (query.address) {
    Symbol wanted;
    wanted.address = *query.address;
    const auto [first, last] =
        std::equal_range(listed.begin(), listed.end(), wanted,
                         [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
    listed = {first, last};
  }
  for (const Symbol& symbol : listed)
    if ((!query.name || symbol.name == *query.name) && !visit(row_of(kernel, symbol))) return;
}

class Symbols final : public Table {
 public:
  std::string_view name() const override { return "symbols"; }
  std::string_view doc() const override { return "The kernel's symbols by ascending address."; }
  std::span<const Column> columns() const override { return columns_of_symbols; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes&) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    const auto symbols = kernel->symbols();
    if (!symbols) {
      if (auto why = kernel->why_no_symbols()) return Failure(*why);
      return fail(ErrorCode::no_symbol, "there are no symbols: give the kernel file too");
    }
    if (query.exact && (query.name || query.address)) {
      visit_exact(*kernel, *symbols, query, visit);
      return {};
    }
    if (query.name) {
      if (auto symbol = symbols->find(*query.name)) visit(row_of(*kernel, *symbol));
      return {};
    }
    if (query.address) {
      if (auto symbol = symbols->at(*query.address)) visit(row_of(*kernel, *symbol));
      return {};
    }
    for (const Symbol& symbol : symbols->all())
      if (!visit(row_of(*kernel, symbol))) break;
    return {};
  }
};

}  // namespace

const Table& symbols_table() {
  static const Symbols table;
  return table;
}

}  // namespace panicroom
