#include "native/cli/sql_shell.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/report/escape.h"
#include "native/cli/did_you_mean.h"

namespace panicroom {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

struct DotCommand {
  std::string_view name, operands, summary;
};
constexpr std::array<DotCommand, 6> dot_commands = {{
    {".tables", "", "the tables"},
    {".schema", "[TABLE]", "the columns of the tables, or of one, and what they mean"},
    {".mode", "table|json|csv", "how answers are printed"},
    {".help", "", "this list"},
    {".quit", "", "ends (Ctrl-D too)"},
    {".exit", "", "the same"},
}};

constexpr std::array<std::pair<std::string_view, OutputForm>, 3> answer_forms = {
    {{"table", OutputForm::text}, {"json", OutputForm::json}, {"csv", OutputForm::csv}}};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) ==
                  std::tolower(static_cast<unsigned char>(b));
         });
}

constexpr std::size_t widest_excerpt = 100;

/// The line of a statement in which it went wrong, and a caret under the place.
std::string excerpt(std::string_view text, std::optional<std::size_t> offset) {
  const std::size_t at =
      std::min(offset.value_or(std::min(text.find_first_not_of(blanks), text.size())), text.size());
  const std::size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
  const std::string line = visible(text.substr(start, text.find('\n', start) - start));
  const std::string lead = visible(text.substr(start, at - start));
  // Of a long line the part around the place.
  std::size_t cut = 0, width = display_width(lead);
  while (width > widest_excerpt / 2) {
    const std::string_view rest = std::string_view(lead).substr(cut);
    const std::size_t length = std::max<std::size_t>(1, utf8_length(rest));
    width -= display_width(rest.substr(0, length));
    cut += length;
  }
  std::string out =
      fmt::format("  {}\n", fitted(std::string_view(line).substr(cut), widest_excerpt));
  if (offset) out += std::string(2 + width, ' ') + "^\n";
  return out;
}

}  // namespace

bool SqlShell::run(std::string_view text) {
  if (const std::string_view line = trimmed(text); line.starts_with('.'))
    return run_dot_command(line);
  while (!trimmed(text).empty() && taken_) {
    const auto done = run_first(text);
    if (!done) {
      report(text, done.error());
      return false;
    }
    text.remove_prefix(*done);
  }
  return taken_;
}

tl::expected<std::size_t, SqlError> SqlShell::run_first(std::string_view text) {
  const auto writer = writer_for(request_, host_);
  Notes notes;
  bool begun = false;
  SqlReceiver receiver;
  receiver.columns = [&](std::span<const Column> columns) {
    begun = true;
    writer->begin("sql", columns);
  };
  receiver.row = [&](std::span<const Value> row) { return taken_ = writer->row(row); };
  receiver.go_on = [this] { return !host_.interrupted(); };
  const auto done = database_.run(text, receiver, notes);
  const bool is_json = request_.form == OutputForm::json;
  if (!done) notes.add(done.error().error);
  if (!done && !begun && is_json) receiver.columns({});
  std::vector<Note> remarks = notes.take();
  if (begun) writer->end(remarks);
  report_left_out(host_, *writer);
  if (!done)
    remarks.erase(std::remove(remarks.begin(), remarks.end(), note_of(done.error().error)),
                  remarks.end());
  if (!is_json) report_once(remarks);
  return done;
}

/// At a prompt a remark is said once.
void SqlShell::report_once(std::span<const Note> notes) {
  if (!host_.interactive()) return report_notes(host_, notes);
  std::vector<Note> fresh;
  for (const Note& note : notes)
    if (std::find(reported_.begin(), reported_.end(), note) == reported_.end())
      fresh.push_back(note);
  report_notes(host_, fresh);
  reported_.insert(reported_.end(), fresh.begin(), fresh.end());
}

void SqlShell::report(std::string_view text, const SqlError& error) {
  // What the statement's text has wrong is not the file's.
  const bool of_the_file = !error.offset && !host_.interactive();
  report_error(host_, of_the_file ? request_.dump : "", error.error);
  if (!error.stopped) host_.err(excerpt(text, error.offset));
}

bool SqlShell::take(std::string_view line) {
  if (pending_.empty() && trimmed(line).starts_with('.')) return run_dot_command(trimmed(line));
  if (pending_.empty() && trimmed(line).empty()) return true;
  pending_ += line;
  pending_ += '\n';
  if (pending_.size() > SqlBounds{}.statement) return finish();  // which says that it is too long
  // No other line can end a statement, and to look through all of it at each line takes long.
  const bool may_end = line.find(';') != line.npos || line.find("*/") != line.npos;
  return !may_end || !SqlDatabase::complete(pending_) || finish();
}

bool SqlShell::finish() {
  const std::string statements = std::exchange(pending_, {});
  return run(statements);
}

bool SqlShell::run_dot_command(std::string_view line) {
  const std::size_t end = std::min(line.find_first_of(blanks), line.size());
  const std::string_view name = line.substr(0, end), operand = trimmed(line.substr(end));
  if (name == ".quit" || name == ".exit") {
    ended_ = true;
    return true;
  }
  std::string out;
  if (name == ".help") {
    for (const DotCommand& command : dot_commands)
      out += fmt::format("{:24}{}\n", fmt::format("{} {}", command.name, command.operands),
                         command.summary);
    out += "Anything else is SQL and ends with a semicolon.\n";
    return taken_ = host_.out(out);
  }
  if (name == ".tables") {
    for (const Table* table : tables())
      out += fmt::format("{:12}{}\n", table->name(), table->doc());
    return taken_ = host_.out(out);
  }
  if (name == ".mode") {
    for (const auto& [word, form] : answer_forms)
      if (operand == word) return request_.form = form, true;
    host_.err("panicroom: .mode expects table, json or csv\n");
    return false;
  }
  if (name == ".schema") {
    const Table* const only = operand.empty() ? nullptr : find_table(operand);
    std::vector<std::string> names;
    for (const Table* table : tables()) {
      names.emplace_back(table->name());
      if (operand.empty() || table == only)
        out += (out.empty() ? "" : "\n") + SqlDatabase::schema(*table);
    }
    if (operand.empty() || only) return taken_ = host_.out(out);
    host_.err(fmt::format("panicroom: there is no table \"{}\"{}; .tables lists them\n",
                          visible(operand), did_you_mean(std::string(operand), names)));
    return false;
  }
  std::vector<std::string> known;
  for (const DotCommand& command : dot_commands) known.emplace_back(command.name);
  host_.err(fmt::format("panicroom: there is no command {}{}; .help lists them\n", visible(name),
                        did_you_mean(std::string(name), known)));
  return false;
}

std::vector<std::string> SqlShell::completions(std::string_view line) {
  std::size_t start = line.size();
  while (start > 0 && is_word(line[start - 1])) --start;
  const std::string_view word = line.substr(start);
  const bool is_dot = start > 0 && line[start - 1] == '.' && trimmed(line.substr(0, start)) == ".";
  const bool is_column = start > 0 && line[start - 1] == '.' && !is_dot;
  const std::string_view command = trimmed(line.substr(0, line.find_first_of(blanks, 1)));
  std::set<std::string> found;
  const auto offer = [&](std::string_view candidate) {
    if (starts_with_word(candidate, word)) found.emplace(candidate);
  };
  if (is_dot) {
    for (const DotCommand& known : dot_commands) offer(known.name.substr(1));
    return {found.begin(), found.end()};
  }
  if (command == ".mode") {
    for (const auto& [name, form] : answer_forms) offer(name);
    return {found.begin(), found.end()};
  }
  for (const Table* table : tables()) {
    if (!is_column) offer(table->name());
    if (command == ".schema") continue;
    for (const Column& column : table->columns()) offer(column.name);
  }
  if (is_column || command == ".schema") return {found.begin(), found.end()};
  for (const std::string& keyword : SqlDatabase::keywords()) offer(keyword);
  for (const std::string_view function : {"address", "symbol", "hex", "count", "max", "min", "sum"})
    offer(function);
  return {found.begin(), found.end()};
}

}  // namespace panicroom
