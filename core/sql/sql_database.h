#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/session/session.h"

namespace panicroom {

/// What statements may take; what is beyond it is refused or ends with an error.
struct SqlBounds {
  std::size_t statement = std::size_t{1} << 20;  ///< bytes of its text
  std::size_t text = std::size_t{1} << 20;       ///< bytes of one value
  /// Bytes that SQLite takes for sorting, grouping and temporary tables. SQLite knows one limit for
  /// a whole process: that of the database opened last holds.
  std::int64_t memory = std::int64_t{sizeof(void*) == 4 ? 48 : 512} << 20;
  /// Bytes of one table's rows that are held at a time.
  std::size_t rows = std::size_t{sizeof(void*) == 4 ? 16 : 128} << 20;
};

/// Why a statement has no answer, or no more of it.
struct SqlError {
  Error error;
  std::optional<std::size_t> offset;  ///< in the statement's text, bytes: where it went wrong
  bool stopped = false;               ///< the receiver wanted no more
};

/// Where an answer goes.
struct SqlReceiver {
  /// Called once, before the first row, for each statement that answers rows. The columns' names
  /// are visible() text and differ ("a", "a:1"); they live until the next statement.
  std::function<void(std::span<const Column>)> columns;
  RowVisitor row;  ///< answers false to end the statement, which is no error
  /// Asked now and then while the statement runs; false stops it, which is one.
  std::function<bool()> go_on;
};

/// The tables of a session as a database in memory: SQLite reads them, and can change or open
/// nothing. Values: boolean 0 or 1, integer (above 2^63 - 1 real, as SQLite's own literals), real,
/// text; an address is the integer of the same 64 bits, so that one of the kernel is negative and
/// equals its hexadecimal literal. Bytes of a text that are not UTF-8, and NUL, are the four
/// characters \xNN. A result that is just a column of type address or boolean is given as such. Not
/// thread-safe.
class SqlDatabase {
 public:
  /// `session` outlives the database. Error: `unsupported`, when SQLite could not be started.
  static Result<std::unique_ptr<SqlDatabase>> open(Session& session, const SqlBounds& bounds = {});
  ~SqlDatabase();
  SqlDatabase(const SqlDatabase&) = delete;
  SqlDatabase& operator=(const SqlDatabase&) = delete;

  /// Runs the first statement of `text` and answers how many bytes of it that was. What is missing
  /// or doubtful in the tables goes to `notes`.
  tl::expected<std::size_t, SqlError> run(std::string_view text, const SqlReceiver& receiver,
                                          Notes& notes);

  /// True when `text` ends a statement: with a semicolon outside of quotes and comments.
  static bool complete(std::string_view text);
  /// CREATE TABLE as `table` would be written, with what its columns mean as comments.
  static std::string schema(const Table& table);
  /// SQLite's keywords, in lower case.
  static std::vector<std::string> keywords();

 private:
  struct Connection;
  explicit SqlDatabase(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace panicroom
