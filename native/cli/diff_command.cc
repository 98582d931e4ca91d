#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string>

#include "core/report/escape.h"
#include "core/report/writer.h"
#include "core/session/difference.h"
#include "native/cli/did_you_mean.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

/// "dump,kernel": the files of one side. A file whose name has a comma goes before.
std::vector<std::string> files_of(const std::string& side, const Host& host) {
  if (host.exists(side)) return {side};
  std::vector<std::string> files;
  for (std::size_t start = 0; start <= side.size();) {
    const std::size_t end = std::min(side.find(',', start), side.size());
    files.push_back(side.substr(start, end - start));
    start = end + 1;
  }
  return files;
}

std::vector<std::string> names_of_compared() {
  std::vector<std::string> names;
  for (const Table* table : tables())
    if (!key_of(*table).empty() || table->name() == "dump" || table->name() == "load")
      names.emplace_back(table->name());
  return names;
}

}  // namespace

int run_diff(const Request& request, Host& host) {
  std::vector<const Table*> chosen;
  for (std::size_t i = 2; i < request.operands.size(); ++i) {
    const auto names = names_of_compared();
    const Table* table = find_table(request.operands[i]);
    if (table == nullptr || std::ranges::find(names, table->name()) == names.end()) {
      host.err(fmt::format("panicroom: \"{}\" is no table that can be compared{}; those are: {}\n",
                           visible(request.operands[i]), did_you_mean(request.operands[i], names),
                           fmt::join(names, " ")));
      return 2;
    }
    chosen.push_back(table);
  }
  const bool by_default = chosen.empty();
  if (by_default)
    for (const std::string_view name : compared_tables()) chosen.push_back(find_table(name));

  std::array<std::vector<std::string>, 2> files;
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i] = files_of(request.operands[i], host);
    if (std::ranges::find(files[i], std::string()) == files[i].end()) continue;
    host.err(
        fmt::format("panicroom: \"{}\" names no file beside a comma: "
                    "diff expects DUMP or DUMP,KERNEL\n",
                    visible(request.operands[i])));
    return 2;
  }
  std::array<std::unique_ptr<Session>, 2> sessions;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    auto session = open_files(files[i], host);
    if (!session) return 1;
    sessions[i] = std::move(session);
  }

  static constexpr std::array<Column, 6> columns = {{
      {"table", ColumnType::text, "Name of the table."},
      {"row", ColumnType::text, "Which row: the cells that tell it from others."},
      {"change", ColumnType::text, "added, removed or changed."},
      {"column", ColumnType::text, "What changed."},
      {"before", ColumnType::text, "In the first dump."},
      {"after", ColumnType::text, "In the second."},
  }};
  Notes notes;
  for (const auto& session : sessions)
    for (const Note& note : session->notes()) notes.add(note);
  const auto writer = writer_for(request, host);
  writer->begin("diff", columns);
  bool whole = true, taken = true;
  const auto shown = [](const Value& value) -> Value {
    return std::holds_alternative<std::monostate>(value) ? value : Value(plain_text(value));
  };
  for (const Table* table : chosen) {
    if (!taken) break;
    const auto done = compare(
        *sessions[0], *sessions[1], *table,
        [&](const Difference& difference) {
          std::string key;
          for (const Value& value : difference.key)
            key += (key.empty() ? "" : " ") + plain_text(value);
          const std::array<Value, columns.size()> row = {
              std::string(difference.table),
              key.empty() ? Value() : Value(key),
              std::string(difference.change),
              difference.column.empty() ? Value() : Value(std::string(difference.column)),
              shown(difference.before),
              shown(difference.after)};
          return taken = writer->row(row);
        },
        notes);
    if (done) continue;
    // That a kernel has no such table is no failure of a comparison of everything.
    if (by_default && done.error().code == ErrorCode::unsupported) continue;
    whole = whole && by_default;
    notes.add(done.error().within(fmt::format("the table {}", table->name())));
  }
  const auto remarks = notes.take();
  writer->end(remarks);
  report_left_out(host, *writer);
  if (request.form != OutputForm::json) report_notes(host, remarks);
  return whole && taken ? 0 : 1;
}

}  // namespace panicroom
