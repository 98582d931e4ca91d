#include "core/sql/table_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/sql/guarded.h"
#include "core/sql/table_cursor.h"

namespace panicroom {
namespace {

// SQLite's structures come first; it allocates none of these.
struct Registered {
  const Table* table;
  SqlRun* run;
};
struct VirtualTable : sqlite3_vtab {
  explicit VirtualTable(const Registered& of) : sqlite3_vtab(), table(*of.table), run(*of.run) {}
  const Table& table;
  SqlRun& run;
};
struct VirtualCursor : sqlite3_vtab_cursor {
  explicit VirtualCursor(VirtualTable& of) : sqlite3_vtab_cursor(), cursor(of.table, of.run) {}
  TableCursor cursor;
};

VirtualTable& of(sqlite3_vtab* table) { return *static_cast<VirtualTable*>(table); }
VirtualCursor& of(sqlite3_vtab_cursor* cursor) { return *static_cast<VirtualCursor*>(cursor); }

int answer(sqlite3_vtab* table, const Result<void>& result) {
  if (result) return SQLITE_OK;
  of(table).run.error = result.error();
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = sqlite3_mprintf("%s", result.error().text.c_str());
  return SQLITE_ERROR;
}

std::string declaration(const Table& table) {
  std::string columns;
  for (const Column& column : table.columns())
    columns +=
        fmt::format("{}\"{}\" {}", columns.empty() ? "" : ", ", column.name, sql_type(column.type));
  return fmt::format("CREATE TABLE \"{}\"({})", table.name(), columns);
}

int connect(sqlite3* database, void* data, int, const char* const*, sqlite3_vtab** made, char**) {
  return guarded([&] {
    const auto& registered = *static_cast<Registered*>(data);
    const int status = sqlite3_declare_vtab(database, declaration(*registered.table).c_str());
    if (status != SQLITE_OK) return status;
    *made = new VirtualTable(registered);
    return SQLITE_OK;
  });
}

int disconnect(sqlite3_vtab* table) {
  delete &of(table);
  return SQLITE_OK;
}

int open_cursor(sqlite3_vtab* table, sqlite3_vtab_cursor** made) {
  return guarded([&] {
    *made = new VirtualCursor(of(table));
    return SQLITE_OK;
  });
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
  return guarded([&] {
    delete &of(cursor);
    return SQLITE_OK;
  });
}

/// Columns that tables themselves select by.
bool selects_rows(const Column& column) {
  return column.name == "pid" || column.name == "tid" || column.name == "address" ||
         column.name == "name";
}

// Walking a table, and finding rows in it by one of those columns or by another, in SQLite's units.
constexpr double cost_of_all = 1e6, cost_of_few = 1e3, cost_of_some = 1e4;
constexpr sqlite3_int64 rows_of_all = 10'000, rows_of_few = 10, rows_of_some = 100;

/// A plan is text: the bits of the used columns in hexadecimal, then the columns whose equality is
/// given as an argument, in their order.
int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
  return guarded([&] {
    const auto columns = of(vtab).table.columns();
    std::string plan = fmt::format("{:x}", info->colUsed);
    int arguments = 0;
    bool few = false;
    for (int index = 0; index < info->nConstraint; ++index) {
      const auto& constraint = info->aConstraint[index];
      if (constraint.op != SQLITE_INDEX_CONSTRAINT_EQ || constraint.iColumn < 0) continue;
      const auto at = static_cast<std::size_t>(constraint.iColumn);
      if (at >= columns.size() || columns[at].type == ColumnType::real) continue;
      const char* collation = sqlite3_vtab_collation(info, index);
      if (columns[at].type == ColumnType::text && collation &&
          std::string_view(collation) != "BINARY")
        continue;
      if (!constraint.usable) continue;
      info->aConstraintUsage[index].argvIndex = ++arguments;
      plan += fmt::format(" {}", at);
      few = few || selects_rows(columns[at]);
    }
    info->idxStr = sqlite3_mprintf("%s", plan.c_str());
    if (!info->idxStr) return SQLITE_NOMEM;
    info->needToFreeIdxStr = 1;
    info->estimatedCost = few ? cost_of_few : arguments != 0 ? cost_of_some : cost_of_all;
    info->estimatedRows = few ? rows_of_few : arguments != 0 ? rows_of_some : rows_of_all;
    return SQLITE_OK;
  });
}

/// Takes the next number of a plan off its front.
std::uint64_t number_of(std::string_view& plan, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(plan.data(), plan.data() + plan.size(), number, base);
  plan.remove_prefix(static_cast<std::size_t>(end - plan.data()));
  if (plan.starts_with(' ')) plan.remove_prefix(1);
  return error == std::errc() ? number : 0;
}

int filter(sqlite3_vtab_cursor* cursor, int, const char* text, int count, sqlite3_value** values) {
  return guarded([&] {
    std::string_view plan(text ? text : "");
    const auto columns = of(cursor->pVtab).table.columns();
    const std::uint64_t used = number_of(plan, 16);
    std::vector<Equality> equalities;
    for (int argument = 0; argument < count; ++argument) {
      const auto column = static_cast<std::size_t>(number_of(plan, 10));
      if (auto key = key_of(values[argument], columns[column].type))
        equalities.push_back({column, std::move(*key)});
    }
    return answer(cursor->pVtab, of(cursor).cursor.filter(used, std::move(equalities)));
  });
}

int next(sqlite3_vtab_cursor* cursor) {
  return guarded([&] { return answer(cursor->pVtab, of(cursor).cursor.next()); });
}

int at_end(sqlite3_vtab_cursor* cursor) { return of(cursor).cursor.at_end() ? 1 : 0; }

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int index) {
  return guarded([&] {
    const Value& value = of(cursor).cursor.cell(static_cast<std::size_t>(index));
    const VirtualTable& table = of(cursor->pVtab);
    const auto* text = std::get_if<std::string>(&value);
    // Most are short: then it does not matter what an escape adds.
    const std::size_t size =
        text && text->size() > table.run.bounds.text / 4 ? sql_text(*text).size() : 0;
    if (size <= table.run.bounds.text) {
      give(context, value);
      return SQLITE_OK;
    }
    table.run.notes->add(Note{
        ErrorCode::unsupported,
        fmt::format("a text of {} bytes in the column {} is taken as null: values have at most {}",
                    size, table.table.columns()[static_cast<std::size_t>(index)].name,
                    table.run.bounds.text),
        std::nullopt});
    sqlite3_result_null(context);
    return SQLITE_OK;
  });
}

int row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  return guarded([&] {
    *id = of(cursor).cursor.row_id();
    return SQLITE_OK;
  });
}

// Without xCreate the module is its own only table.
constexpr sqlite3_module module_of_tables() {
  sqlite3_module module{};
  module.iVersion = 1;
  module.xConnect = connect;
  module.xBestIndex = best_index;
  module.xDisconnect = disconnect;
  module.xOpen = open_cursor;
  module.xClose = close_cursor;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = at_end;
  module.xColumn = column;
  module.xRowid = row_id;
  return module;
}
constexpr sqlite3_module tables_module = module_of_tables();

}  // namespace

int add_table(sqlite3* database, const Table& table, SqlRun& run) {
  const std::string name(table.name());
  return sqlite3_create_module_v2(
      database, name.c_str(), &tables_module, new Registered{&table, &run},
      [](void* registered) { delete static_cast<Registered*>(registered); });
}

}  // namespace panicroom
