#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/sql/sql_database.h"
#include "native/cli/run_request.h"

namespace panicroom {

/// Takes lines of SQL and dot commands and prints their answers.
class SqlShell {
 public:
  SqlShell(SqlDatabase& database, const Request& request, Host& host)
      : database_(database), request_(request), host_(host) {}

  /// Runs every statement of a whole text. False when one has no answer; the rest is left out.
  bool run(std::string_view text);
  /// Takes a line: a dot command, or a part of a statement, which runs once it is complete.
  bool take(std::string_view line);
  /// What may stand at the end of a line: names of tables and columns, keywords, dot commands.
  static std::vector<std::string> completions(std::string_view line);

  bool within_statement() const { return !pending_.empty(); }
  /// Runs what is left without its semicolon.
  bool finish();
  void drop_statement() { pending_.clear(); }
  bool ended() const { return ended_; }

 private:
  tl::expected<std::size_t, SqlError> run_first(std::string_view text);
  bool run_dot_command(std::string_view line);
  void report(std::string_view text, const SqlError& error);
  void report_once(std::span<const Note> notes);

  SqlDatabase& database_;
  Request request_;  ///< its form changes with .mode
  Host& host_;
  std::string pending_;
  std::vector<Note> reported_;
  bool ended_ = false;
  bool taken_ = true;  ///< by standard output
};

}  // namespace panicroom
