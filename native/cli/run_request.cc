#include "native/cli/run_request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "core/base/printable.h"
#include "core/dump/formats.h"
#include "core/report/escape.h"
#include "core/report/writer.h"
#include "core/types/debug_file.h"
#include "native/cli/did_you_mean.h"

namespace panicroom {
namespace {

/// Writes what `make` gives its visitor, then the notes. `make` answers like Table::rows.
template <class Make>
int print_table(const Request& request, Host& host, std::string_view name,
                std::span<const Column> columns, bool vertical, const Make& make) {
  const auto writer = writer_for(request, host, vertical);
  Notes notes;
  bool begun = false;
  bool taken = true;
  const auto begin = [&] {
    if (!begun) writer->begin(name, columns);
    begun = true;
  };
  const Result<void> made = make(
      [&](std::span<const Value> row) {
        begin();
        taken = writer->row(row);
        return taken;
      },
      notes);
  if (!made && !begun && request.form != OutputForm::json) {
    report_notes(host, notes.take());
    report_error(host, request.dump, made.error());
    return 1;
  }
  if (!made) notes.add(made.error());
  begin();
  const std::vector<Note> remarks = notes.take();
  writer->end(remarks);
  report_left_out(host, *writer);
  if (request.form != OutputForm::json) report_notes(host, remarks);
  if (!made) report_error(host, request.dump, made.error());
  return made && taken ? 0 : 1;
}

/// The columns of a table that are shown, by their places in it. Nothing, with a message, when the
/// user names one that it does not have.
std::optional<std::vector<std::size_t>> shown_columns(const Request& request, const Table& table,
                                                      Host& host) {
  std::vector<std::size_t> shown;
  const auto all = table.columns();
  const bool every = request.columns == std::vector<std::string>{"all"};
  if (request.columns.empty() || every) {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (every || request.form != OutputForm::text || !all[i].extra) shown.push_back(i);
    return shown;
  }
  for (const std::string& name : request.columns) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&name](const Column& column) { return column.name == name; });
    if (found == all.end()) {
      std::vector<std::string> names;
      for (const Column& column : all) names.emplace_back(column.name);
      host.err(fmt::format("panicroom: {} has no column \"{}\"{}; its columns are: {}\n",
                           table.name(), visible(name), did_you_mean(name, names),
                           fmt::join(names, " ")));
      return std::nullopt;
    }
    shown.push_back(static_cast<std::size_t>(found - all.begin()));
  }
  return shown;
}

int print_session_table(const Request& request, Session& session, const Table& table, Host& host) {
  const bool selects = request.pid || request.tid || request.crashed;
  const auto shown = shown_columns(request, table, host);
  if (!shown) return 2;
  std::vector<Column> columns;
  Query query = query_of(request);
  query.columns = 0;
  for (const std::size_t at : *shown) {
    columns.push_back(table.columns()[at]);
    query.columns |= std::uint64_t{1} << at;
  }
  // Copies of long texts cost more than making them.
  const bool as_they_are = std::is_sorted(shown->begin(), shown->end()) && shown->front() == 0 &&
                           shown->back() + 1 == shown->size();
  return print_table(request, host, table.name(), columns, table.name() == "dump",
                     [&](const RowVisitor& visit, Notes& notes) -> Result<void> {
                       bool any = false;
                       std::vector<Value> cells;
                       PANICROOM_CHECK(session.rows(
                           table, query,
                           [&](std::span<const Value> row) {
                             any = true;
                             if (as_they_are) return visit(row.first(columns.size()));
                             cells.clear();
                             for (const std::size_t at : *shown) cells.push_back(row[at]);
                             return visit(cells);
                           },
                           notes));
                       if (any || !selects) return {};
                       return nothing_selected(request, session);
                     });
}

/// The symbol of a variable that each processor or network stack has its own of, at the address
/// of the one that is meant.
Result<void> find_own(Session& session, const OwnVariable& own, const RowVisitor& visit,
                      Notes& notes) {
  Query query;
  query.name = own.symbol;
  return session.rows(
      *find_table("symbols"), query,
      [&](std::span<const Value> row) {
        std::vector<Value> cells(row.begin(), row.end());
        cells[1] = Address{own.address};
        return visit(cells);
      },
      notes);
}

/// Gives the symbols that an operand of `symbols` means: those that match a pattern, that of a
/// name, else the one that holds an address. Answers whether there were any.
Result<bool> find_symbols(Session& session, const std::string& operand, CpuNumber cpu,
                          const RowVisitor& visit, Notes& notes) {
  const Table& table = *find_table("symbols");
  Query query;
  bool any = false;
  const auto pass = [&](std::span<const Value> row) {
    any = true;
    return visit(row);
  };
  const bool is_pattern = operand.find_first_of("*?[") != std::string::npos;
  if (!is_pattern) {
    PANICROOM_TRY(own, session.own_variable(operand, cpu));
    if (own) {
      PANICROOM_CHECK(find_own(session, *own, pass, notes));
      return any;
    }
  }
  if (cpu) return no_cpu_has_its_own(operand);
  if (is_pattern) {
    PANICROOM_CHECK(session.rows(
        table, query,
        [&](std::span<const Value> row) {
          const auto* name = std::get_if<std::string>(&row[0]);
          return !name || ::fnmatch(operand.c_str(), name->c_str(), 0) != 0 || pass(row);
        },
        notes));
  } else {
    query.name = operand;
    PANICROOM_CHECK(session.rows(table, query, pass, notes));
    const auto address = any ? Failure(Error{}) : session.resolve(operand);
    if (!address) return any;
    query = Query();
    query.address = *address;
    PANICROOM_CHECK(session.rows(table, query, pass, notes));
  }
  return any;
}

int run_symbols(const Request& request, Session& session, Host& host) {
  const Table& table = *find_table("symbols");
  if (request.operands.empty() && request.cpu) {
    host.err("panicroom: --cpu goes with the name of a variable\n");
    return 2;
  }
  if (request.operands.empty()) return print_session_table(request, session, table, host);
  bool all_found = true;
  const int status = print_table(
      request, host, table.name(), table.columns(), false,
      [&](const RowVisitor& visit, Notes& notes) -> Result<void> {
        for (const std::string& operand : request.operands) {
          PANICROOM_TRY(found, find_symbols(session, operand, cpu_of(request), visit, notes));
          if (found) continue;
          all_found = false;
          notes.add(Note{ErrorCode::no_symbol, fmt::format("no symbol \"{}\"", printable(operand)),
                         std::nullopt});
        }
        return {};
      });
  return all_found ? status : 1;
}

int run_info(const Request& request, Session& session, Host& host) {
  const Table& table = *find_table("dump");
  if (request.form != OutputForm::text) return print_session_table(request, session, table, host);
  // Two answers, whose remarks are largely the same: they are said once, at the end.
  Notes notes;
  const auto writer = writer_for(request, host, true);
  writer->begin(table.name(), table.columns());
  bool taken = true;
  const auto made = session.rows(
      table, query_of(request),
      [&](std::span<const Value> row) { return taken = writer->row(row); }, notes);
  writer->end({});
  if (!made) notes.add(made.error());
  if (session.kernel()) {
    Request crashed = request;
    crashed.crashed = true;
    host.out("\n");
    if (const auto printed = print_stacks(crashed, session, host, notes); !printed)
      notes.add(printed.error());
  }
  report_notes(host, notes.take());
  return made && taken ? 0 : 1;
}

/// What is printed in a form of its own as text; `table` has it in the other forms and where single
/// columns are asked for.
int run_stack_or_analyze(const Request& request, Session& session, Host& host,
                         std::string_view table) {
  if (request.form != OutputForm::text || !request.columns.empty())
    return print_session_table(request, session, *find_table(table), host);
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  const auto printed = table == "frames" ? print_stacks(request, session, host, notes)
                                         : print_analysis(session, host, notes);
  report_notes(host, notes.take());
  if (printed) return 0;
  report_error(host, request.dump, printed.error());
  return 1;
}

int run_tables(const Request& request, Host& host) {
  static constexpr std::array<Column, 5> columns = {{
      {"table", ColumnType::text, "Name of the table."},
      {"column", ColumnType::text, "Name of the column."},
      {"type", ColumnType::text, "boolean, integer, real, address or text."},
      {"unasked", ColumnType::boolean,
       "False for columns that are printed as text only when --columns names them."},
      {"doc", ColumnType::text, "What it means."},
  }};
  return print_table(
      request, host, "tables", columns, false, [](const RowVisitor& visit, Notes&) -> Result<void> {
        for (const Table* table : tables()) {
          const std::array<Value, 5> head = {std::string(table->name()), std::monostate{},
                                             std::monostate{}, std::monostate{},
                                             std::string(table->doc())};
          if (!visit(head)) break;
          for (const Column& column : table->columns()) {
            const std::array<Value, 5> row = {std::string(table->name()), std::string(column.name),
                                              std::string(name(column.type)), !column.extra,
                                              std::string(column.doc)};
            visit(row);
          }
        }
        return {};
      });
}

int run_formats(const Request& request, Host& host) {
  static constexpr std::array<Column, 3> columns = {{
      {"format", ColumnType::text, "Name of the format."},
      {"variants", ColumnType::text, "What is read of it."},
      {"recognised_by", ColumnType::text, "How its content is recognised."},
  }};
  return print_table(request, host, "formats", columns, false,
                     [](const RowVisitor& visit, Notes&) -> Result<void> {
                       for (const FormatInfo& format : formats()) {
                         const std::array<Value, 3> row = {std::string(format.name),
                                                           std::string(format.variants),
                                                           std::string(format.recognised_by)};
                         if (!visit(row)) break;
                       }
                       return {};
                     });
}

int run_on_session(const Request& request, Session& session, Host& host) {
  if (request.command == "info") return run_info(request, session, host);
  if (request.command == "stack") return run_stack_or_analyze(request, session, host, "frames");
  if (request.command == "analyze") return run_stack_or_analyze(request, session, host, "analysis");
  if (request.command == "symbols") return run_symbols(request, session, host);
  if (request.command == "read") return run_read(request, session, host);
  if (request.command == "translate") return run_translate(request, session, host);
  if (request.command == "type") return run_type(request, session, host);
  if (request.command == "types") return run_types(request, session, host);
  if (request.command == "print") return run_print(request, session, host);
  if (request.command == "list") return run_list(request, session, host);
  if (request.command == "sql") return run_sql(request, session, host);
  if (request.command == "verify") return run_verify(request, session, host);
  std::string_view table_name;
  if (request.command == "table") table_name = request.operands.front();
  for (const CommandInfo& command : commands())
    if (command.name == request.command && !command.table.empty()) table_name = command.table;
  const Table* table = find_table(table_name);
  if (!table) {
    std::vector<std::string> names;
    for (const Table* known : tables()) names.emplace_back(known->name());
    host.err(fmt::format("panicroom: there is no table \"{}\"{}; `panicroom tables` lists them\n",
                         visible(table_name), did_you_mean(table_name, names)));
    return 2;
  }
  const auto lacks = [table](std::string_view column) {
    return std::none_of(table->columns().begin(), table->columns().end(),
                        [column](const Column& known) { return known.name == column; });
  };
  if ((request.pid && lacks("pid")) || ((request.tid || request.crashed) && lacks("tid"))) {
    host.err(fmt::format("panicroom: the table {} is not one of {}\n", table->name(),
                         lacks("pid") ? "processes or threads" : "threads"));
    return 2;
  }
  return print_session_table(request, session, *table, host);
}

}  // namespace

Failure nothing_selected(const Request& request, Session& session) {
  if (!request.crashed)
    return fail(ErrorCode::invalid, request.tid ? "no such thread existed when the kernel died"
                                                : "no such process existed when the kernel died");
  Query query;
  query.crashed_only = true;
  Notes notes;
  std::string who;
  const auto walked = session.rows(
      *find_table("threads"), query,
      [&who](std::span<const Value> row) {
        who = fmt::format("thread {} of process {}", plain_text(row[1]), plain_text(row[0]));
        return false;
      },
      notes);
  if (walked && !who.empty())
    return fail(ErrorCode::invalid,
                fmt::format("the kernel died on {}, which is not the one asked for", who));
  return fail(ErrorCode::not_in_dump, "it is not known on which thread the kernel died");
}

CpuNumber cpu_of(const Request& request) {
  if (!request.cpu) return std::nullopt;
  return static_cast<std::uint64_t>(*request.cpu);
}

Query query_of(const Request& request) {
  Query query;
  query.pid = request.pid;
  query.tid = request.tid;
  query.crashed_only = request.crashed;
  return query;
}

namespace {

/// Whether an answer may need types, call-frame information or source lines.
bool needs_debug_files(const Request& request) {
  for (const char* command :
       {"type", "types", "print", "list", "stack", "threads", "info", "analyze", "sql"})
    if (request.command == command) return true;
  for (const char* table : {"frames", "threads", "analysis"})
    if (request.command == "table" && !request.operands.empty() && request.operands[0] == table)
      return true;
  return false;
}

/// Adds the installed debug files of those that carry no DWARF themselves.
void add_debug_files(std::vector<SourcePtr>& sources, Host& host) {
  std::vector<SourcePtr> found;
  for (const SourcePtr& source : sources)
    if (const auto path = debug_file_path(source); path && host.exists(*path))
      if (auto debug = host.open(*path)) found.push_back(std::move(*debug));
  sources.insert(sources.end(), found.begin(), found.end());
}

}  // namespace

int run_request(const Request& request, Host& host) {
  if (request.command == "version")
    return host.out(fmt::format("panicroom {}\n", program_version)) ? 0 : 1;
  if (request.command == "completion") return run_completion(request, host);
  if (request.command == "tables") return run_tables(request, host);
  if (request.command == "formats") return run_formats(request, host);

  if (request.command == "diff") return run_diff(request, host);

  const auto session = open_files(request.files, host, needs_debug_files(request));
  if (!session) return 1;
  Request of_dump = request;
  of_dump.dump = session->dump_name();
  return run_on_session(of_dump, *session, host);
}

std::unique_ptr<Session> open_files(std::span<const std::string> files, Host& host,
                                    bool debug_files) {
  std::vector<SourcePtr> sources;
  for (const std::string& file : files) {
    auto source = host.open(file);
    if (!source) {
      report_error(host, file, source.error());
      return nullptr;
    }
    sources.push_back(std::move(*source));
  }
  if (debug_files) add_debug_files(sources, host);
  auto session =
      Session::open(std::move(sources), [&host](std::uint64_t done, std::uint64_t total) {
        host.progress(done, total);
        return true;
      });
  host.progress(0, 0);
  if (session) return std::move(*session);
  report_error(host, "", session.error());
  return nullptr;
}

int refuse(const Request& request, Session& session, Host& host, std::string_view table,
           std::span<const Column> columns, const Error& error) {
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  if (request.form == OutputForm::json) {
    notes.add(error);
    const auto writer = writer_for(request, host);
    writer->begin(table, columns);
    writer->end(notes.take());
  } else {
    report_notes(host, notes.take());
  }
  report_error(host, request.dump, error);
  return 1;
}

void report_error(Host& host, std::string_view file, const Error& error) {
  const std::string subject = file.empty() ? "" : visible(file) + ": ";
  host.err(fmt::format("panicroom: {}{}\n", subject, visible(error.message())));
}

void report_notes(Host& host, std::span<const Note> notes) {
  // A screenful; JSON has them all.
  constexpr std::size_t most = 20;
  struct Line {
    const Note* note;
    std::string places;
  };
  std::vector<Line> lines;
  for (const Note& note : notes) {
    const auto same = std::find_if(lines.begin(), lines.end(), [&note](const Line& line) {
      return line.note->code == note.code && line.note->text == note.text;
    });
    Line& line = same == lines.end() ? lines.emplace_back(Line{&note, ""}) : *same;
    if (note.at) line.places += fmt::format("{}{:#x}", line.places.empty() ? "" : ", ", *note.at);
  }
  for (const Line& line : std::span(lines).first(std::min(most, lines.size())))
    host.err(fmt::format("panicroom: note: {}{} [{}]\n", visible(line.note->text),
                         line.places.empty() ? "" : fmt::format(" (at {})", line.places),
                         name(line.note->code)));
  if (lines.size() > most)
    host.err(fmt::format("panicroom: {} more notes; --json shows up to a hundred\n",
                         lines.size() - most));
}

void report_left_out(Host& host, const TableWriter& writer) {
  std::string names;
  for (const std::string_view name : writer.left_out())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  if (!names.empty())
    host.err(fmt::format(
        "panicroom: this terminal is too narrow for: {} (piped, all are printed)\n", names));
}

bool colour_wanted(const Host& host) {
  const auto no_colour = host.environment("NO_COLOR");
  return host.out_columns() != 0 && (!no_colour || no_colour->empty());
}

std::unique_ptr<TableWriter> writer_for(const Request& request, Host& host, bool vertical) {
  Sink sink = [&host](std::string_view text) { return host.out(text); };
  if (request.form == OutputForm::json) return json_writer(std::move(sink));
  if (request.form == OutputForm::csv) return csv_writer(std::move(sink));
  return text_writer(std::move(sink), TextStyle{host.out_columns(), colour_wanted(host), vertical});
}

}  // namespace panicroom
