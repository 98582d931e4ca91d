#include "native/cli/sql_shell.h"

namespace panicroom {
namespace {

constexpr std::string_view prompt_text = "sql> ", continued_text = "...> ";

/// Lines that people type: an error ends nothing.
int run_prompt(SqlShell& shell, Host& host) {
  host.err(
      "Tables of this dump in SQL. A statement ends with a semicolon; .help lists commands.\n");
  while (!shell.ended()) {
    const Prompt prompt{shell.within_statement() ? continued_text : prompt_text,
                        SqlShell::completions};
    const auto line = host.line(prompt);
    if (host.interrupted()) {
      shell.drop_statement();
      host.catch_interrupts(false);
      continue;
    }
    if (!line) {
      host.err("\n");
      break;
    }
    host.catch_interrupts(true);
    shell.take(*line);
    host.catch_interrupts(false);
  }
  return 0;
}

/// Lines of a file or program: an error ends them.
int run_lines(SqlShell& shell, Host& host) {
  while (!shell.ended()) {
    const auto line = host.line({});
    if (!line) return !shell.within_statement() || shell.finish() ? 0 : 1;
    if (!shell.take(*line)) return 1;
  }
  return 0;
}

}  // namespace

int run_sql(const Request& request, Session& session, Host& host) {
  auto database = SqlDatabase::open(session);
  if (!database) {
    report_error(host, request.dump, database.error());
    return 1;
  }
  SqlShell shell(**database, request, host);
  if (!request.operands.empty()) return shell.run(request.operands.front()) ? 0 : 1;
  return host.interactive() ? run_prompt(shell, host) : run_lines(shell, host);
}

}  // namespace panicroom
