#include "core/sql/statement_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "core/sql/guarded.h"

namespace panicroom {
namespace {

struct Limit {
  int which;
  int most;
};
constexpr std::array<Limit, 9> limits = {{
    {SQLITE_LIMIT_COLUMN, 500},
    {SQLITE_LIMIT_EXPR_DEPTH, 200},
    {SQLITE_LIMIT_COMPOUND_SELECT, 100},
    {SQLITE_LIMIT_VDBE_OP, 250'000},
    {SQLITE_LIMIT_FUNCTION_ARG, 100},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 100},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
}};
constexpr int steps_between_questions = 1000;

bool is_any(std::string_view word, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [word](std::string_view known) {
    return sqlite3_strnicmp(word.data(), known.data(), static_cast<int>(known.size())) == 0 &&
           word.size() == known.size();
  });
}

// What the two builds' libraries differ in is refused in both.
constexpr std::array<std::string_view, 14> refused_functions = {
    "load_extension", "fts3_tokenizer", "fts5",       "fts5_source_id", "matchinfo",
    "offsets",        "snippet",        "optimize",   "highlight",      "bm25",
    "rtreecheck",     "rtreenode",      "rtreedepth", "sqlite_log"};
constexpr std::array<std::string_view, 5> read_pragmas = {"table_info", "table_xinfo", "table_list",
                                                          "function_list", "collation_list"};
// Tables beside those of the dump.
constexpr std::array<std::string_view, 6> other_tables = {
    "sqlite_master",      "sqlite_schema", "sqlite_temp_master",
    "sqlite_temp_schema", "json_each",     "json_tree"};
struct Action {
  int code;
  std::string_view what;
};
constexpr std::array<Action, 20> actions = {{
    {SQLITE_ATTACH, "ATTACH (and VACUUM, which needs it)"},
    {SQLITE_DETACH, "DETACH"},
    {SQLITE_PRAGMA, "this PRAGMA"},
    {SQLITE_FUNCTION, "this function"},
    {SQLITE_READ, "this table"},
    {SQLITE_TRANSACTION, "a transaction"},
    {SQLITE_SAVEPOINT, "a savepoint"},
    {SQLITE_CREATE_TABLE, "CREATE TABLE (only CREATE TEMP TABLE)"},
    {SQLITE_CREATE_VIEW, "CREATE VIEW (only CREATE TEMP VIEW)"},
    {SQLITE_CREATE_INDEX, "CREATE INDEX"},
    {SQLITE_CREATE_TRIGGER, "CREATE TRIGGER"},
    {SQLITE_CREATE_TEMP_TRIGGER, "CREATE TRIGGER"},
    {SQLITE_CREATE_VTABLE, "CREATE VIRTUAL TABLE"},
    {SQLITE_INSERT, "INSERT"},
    {SQLITE_UPDATE, "UPDATE"},
    {SQLITE_DELETE, "DELETE"},
    {SQLITE_ALTER_TABLE, "ALTER TABLE"},
    {SQLITE_ANALYZE, "ANALYZE"},
    {SQLITE_REINDEX, "REINDEX"},
    {SQLITE_DROP_TABLE, "DROP TABLE"},
}};

Error refusal(std::string_view what, std::string_view subject) {
  const std::string named = subject.empty() ? "" : fmt::format(" ({})", subject);
  return {
      ErrorCode::invalid, Absence::none,
      fmt::format("{}{} is refused: statements read the dump's tables, and change or open nothing",
                  what, named),
      std::nullopt, std::nullopt};
}

int refuse(SqlRun& run, int action, const char* subject) {
  const auto known = std::find_if(actions.begin(), actions.end(),
                                  [action](const Action& one) { return one.code == action; });
  const bool named =
      subject && (action == SQLITE_PRAGMA || action == SQLITE_FUNCTION || action == SQLITE_READ);
  run.error = refusal(known == actions.end() ? "this" : known->what, named ? subject : "");
  return SQLITE_DENY;
}

bool may(int action, const char* first, const char* second, const char* database) {
  const std::string_view one(first ? first : ""), two(second ? second : "");
  const bool temporary = database && std::string_view(database) == "temp";
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX:
      return true;
    case SQLITE_READ:
      // Of a table of which no column is used SQLite names what the statement calls it.
      return temporary || two.empty() || find_table(one) || is_any(one, other_tables);
    case SQLITE_FUNCTION:
      return !is_any(two, refused_functions);
    case SQLITE_PRAGMA:
      return is_any(one, read_pragmas);
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      // SQLite's own part of what is asked for itself; it refuses to let statements write there.
      return temporary || one == "sqlite_master";
    case SQLITE_REINDEX:  // of a temporary table's new index
      return temporary;
    default:
      return false;
  }
}

int authorize(void* data, int action, const char* first, const char* second, const char* database,
              const char*) {
  const int answer = guarded([&] {
    SqlRun& run = *static_cast<SqlRun*>(data);
    if (may(action, first, second, database)) return SQLITE_OK;
    return refuse(run, action, action == SQLITE_FUNCTION ? second : first);
  });
  return answer == SQLITE_OK ? SQLITE_OK : SQLITE_DENY;
}

/// Anything but 0 ends the statement.
int ask(void* data) {
  return guarded([data] { return static_cast<SqlRun*>(data)->go_on() ? 0 : 1; });
}

}  // namespace

std::optional<Error> refused_function(std::string_view message) {
  constexpr std::string_view unknown = "no such function: ";
  if (!message.starts_with(unknown)) return std::nullopt;
  const std::string_view name = message.substr(unknown.size());
  for (const std::string_view function : refused_functions)
    if (is_any(name, std::span(&function, 1))) return refusal("this function", function);
  return std::nullopt;
}

int drop_library_tables(sqlite3* database) {
  std::array<const char*, 3> kept = {"json_each", "json_tree", nullptr};
  return sqlite3_drop_modules(database, kept.data());
}

int guard(sqlite3* database, SqlRun& run) {
  // Temporary tables and sorting stay in memory.
  const int status =
      sqlite3_exec(database, "PRAGMA temp_store = MEMORY", nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return status;
  for (const Limit& limit : limits) sqlite3_limit(database, limit.which, limit.most);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, static_cast<int>(run.bounds.text));
  sqlite3_limit(database, SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(run.bounds.statement));
  for (const int off : {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                        SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, SQLITE_DBCONFIG_TRUSTED_SCHEMA,
                        SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL})
    sqlite3_db_config(database, off, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_hard_heap_limit64(run.bounds.memory);
  sqlite3_progress_handler(database, steps_between_questions, ask, &run);
  return sqlite3_set_authorizer(database, authorize, &run);
}

}  // namespace panicroom
