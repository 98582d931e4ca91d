#include "core/sql/sql_database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <set>
#include <utility>
#include <vector>

#include "core/report/escape.h"
#include "core/sql/sql_functions.h"
#include "core/sql/sql_run.h"
#include "core/sql/sql_value.h"
#include "core/sql/statement_guard.h"
#include "core/sql/table_module.h"

namespace panicroom {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

tl::unexpected<SqlError> refused(std::string text, std::optional<std::size_t> offset = {}) {
  return tl::unexpected(SqlError{
      Error{ErrorCode::invalid, Absence::none, std::move(text), std::nullopt, std::nullopt}, offset,
      false});
}

/// For columns of which the table does not say it: by the first row.
ColumnType type_of_value(const Value& value) {
  if (std::holds_alternative<Address>(value)) return ColumnType::address;
  if (std::holds_alternative<bool>(value)) return ColumnType::boolean;
  if (std::holds_alternative<std::int64_t>(value)) return ColumnType::integer;
  if (std::holds_alternative<double>(value)) return ColumnType::real;
  return ColumnType::text;
}

}  // namespace

struct SqlDatabase::Connection {
  /// The columns of the statement's answer; what they are as far as their tables say it.
  struct Answered {
    std::vector<std::string> names;
    std::vector<std::optional<ColumnType>> declared;
    std::vector<Column> columns;
  };

  SqlRun run;
  std::unique_ptr<sqlite3, CloseDatabase> database;
  Answered answered;
  std::set<std::string> taken_names;

  tl::unexpected<SqlError> failure(int status) {
    SqlError failed;
    if (run.error) {
      failed.error = *std::exchange(run.error, std::nullopt);
    } else {
      failed.error.code = ErrorCode::invalid;
      failed.error.text = sqlite3_errmsg(database.get());
      if (auto refusal = refused_function(failed.error.text)) failed.error = std::move(*refusal);
    }
    if (status == SQLITE_NOMEM) {
      failed.error.code = ErrorCode::unsupported;
      failed.error.text =
          fmt::format("the statement needs more than {} MiB of memory", run.bounds.memory >> 20);
    }
    if (!run.go_on()) {
      failed.stopped = true;
      failed.error.text = "the statement was stopped";
    }
    if (const int offset = sqlite3_error_offset(database.get()); offset >= 0)
      failed.offset = static_cast<std::size_t>(offset);
    return tl::unexpected(std::move(failed));
  }

  /// A column's name that no column before it has, made as SQLite makes them for subqueries.
  std::string unlike(const std::string& name) {
    std::string made = name;
    for (int count = 1; !taken_names.insert(made).second; ++count)
      made = fmt::format("{}:{}", name, count);
    return made;
  }

  void describe(sqlite3_stmt* statement) {
    taken_names.clear();
    answered = {};
    const int count = sqlite3_column_count(statement);
    for (int column = 0; column < count; ++column) {
      const char* title = sqlite3_column_name(statement, column);
      answered.names.push_back(unlike(visible(title ? title : "")));
      answered.declared.push_back(type_declared(sqlite3_column_decltype(statement, column)));
    }
  }

  void begin(std::span<const Value> first_row) {
    for (std::size_t at = 0; at < answered.names.size(); ++at) {
      const auto otherwise = first_row.empty() ? ColumnType::text : type_of_value(first_row[at]);
      answered.columns.push_back(
          {answered.names[at], answered.declared[at].value_or(otherwise), ""});
    }
    if (run.receiver->columns) run.receiver->columns(answered.columns);
  }

  std::vector<Value> row_of(sqlite3_stmt* statement) const {
    std::vector<Value> row;
    row.reserve(answered.declared.size());
    for (std::size_t at = 0; at < answered.declared.size(); ++at)
      row.push_back(result_value(statement, static_cast<int>(at), answered.declared[at]));
    return row;
  }

  tl::expected<void, SqlError> step_through(sqlite3_stmt* statement) {
    describe(statement);
    bool begun = answered.names.empty();
    for (;;) {
      const int status = sqlite3_step(statement);
      if (status != SQLITE_ROW && status != SQLITE_DONE) return failure(status);
      std::vector<Value> row;
      if (status == SQLITE_ROW) row = row_of(statement);
      if (!begun) begin(row);
      begun = true;
      if (status == SQLITE_DONE || !run.receiver->row(row)) return {};
    }
  }
};

SqlDatabase::SqlDatabase(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
SqlDatabase::~SqlDatabase() = default;

Result<std::unique_ptr<SqlDatabase>> SqlDatabase::open(Session& session, const SqlBounds& bounds) {
  auto connection = std::make_unique<Connection>();
  SqlRun& run = connection->run;
  run.session = &session;
  run.bounds = bounds;
  sqlite3* opened = nullptr;
  // SQLite's file system in memory, so that nothing could be opened if it were asked for.
  int status =
      sqlite3_open_v2(":memory:", &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, "memdb");
  connection->database.reset(opened);
  if (status == SQLITE_OK) status = drop_library_tables(opened);
  for (const Table* table : tables())
    if (status == SQLITE_OK) status = add_table(opened, *table, run);
  if (status == SQLITE_OK) status = add_functions(opened, run);
  if (status == SQLITE_OK) status = guard(opened, run);
  if (status != SQLITE_OK)
    return fail(ErrorCode::unsupported,
                fmt::format("SQLite could not be started: {}", sqlite3_errstr(status)));
  return std::unique_ptr<SqlDatabase>(new SqlDatabase(std::move(connection)));
}

tl::expected<std::size_t, SqlError> SqlDatabase::run(std::string_view text,
                                                     const SqlReceiver& receiver, Notes& notes) {
  SqlRun& run = connection_->run;
  if (text.size() > run.bounds.statement)
    return refused(fmt::format("a statement has at most {} bytes", run.bounds.statement));
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)
    return refused("a statement holds no NUL", zero);
  run.notes = &notes;
  run.receiver = &receiver;
  run.error.reset();
  struct Ended {
    SqlRun& run;
    ~Ended() { run.notes = nullptr, run.receiver = nullptr, run.walks.clear(); }
  } ended{run};
  // A text's statements run one by one: between them nothing else asks.
  if (!run.go_on()) {
    SqlError stopped = refused("the statement was stopped").value();
    stopped.stopped = true;
    return tl::unexpected(std::move(stopped));
  }

  sqlite3_stmt* prepared = nullptr;
  const char* rest = text.data();
  const int status = sqlite3_prepare_v2(connection_->database.get(), text.data(),
                                        static_cast<int>(text.size()), &prepared, &rest);
  const Statement statement(prepared);
  if (status != SQLITE_OK) return connection_->failure(status);
  if (prepared) {
    if (sqlite3_bind_parameter_count(prepared) != 0)
      return refused("a statement has no parameters: write the value itself");
    if (auto done = connection_->step_through(prepared); !done) return tl::unexpected(done.error());
  }
  return prepared ? static_cast<std::size_t>(rest - text.data()) : text.size();
}

bool SqlDatabase::complete(std::string_view text) {
  return sqlite3_complete(std::string(text).c_str()) == 1;
}

std::string SqlDatabase::schema(const Table& table) {
  std::string out = fmt::format("-- {}\nCREATE TABLE {} (\n", table.doc(), table.name());
  const auto columns = table.columns();
  for (const Column& column : columns) {
    const bool is_keyword =
        sqlite3_keyword_check(column.name.data(), static_cast<int>(column.name.size())) != 0;
    const std::string_view quote = is_keyword ? "\"" : "";
    out += fmt::format("  {0}{1}{0} {2}{3} -- {4}\n", quote, column.name, sql_type(column.type),
                       &column == &columns.back() ? "" : ",", column.doc);
  }
  return out + ");\n";
}

std::vector<std::string> SqlDatabase::keywords() {
  std::vector<std::string> words;
  for (int index = 0; index < sqlite3_keyword_count(); ++index) {
    const char* word = nullptr;
    int length = 0;
    if (sqlite3_keyword_name(index, &word, &length) != SQLITE_OK) continue;
    std::string lower(word, static_cast<std::size_t>(length));
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    words.push_back(std::move(lower));
  }
  return words;
}

}  // namespace panicroom
