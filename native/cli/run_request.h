#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/report/writer.h"
#include "core/session/session.h"
#include "native/cli/command_line.h"
#include "native/cli/request.h"

namespace panicroom {

inline constexpr std::string_view program_version = "0.1.0";

/// Carries out a parsed command line; answers the exit status.
int run_request(const Request& request, Host& host);

/// Why a table has no row for the process or thread that the request names.
Failure nothing_selected(const Request& request, Session& session);

/// The processor that the request names.
CpuNumber cpu_of(const Request& request);

/// What the request asks of a table.
Query query_of(const Request& request);

// The commands that are more than one table, each in its own file.
int run_read(const Request& request, Session& session, Host& host);
int run_translate(const Request& request, Session& session, Host& host);
int run_verify(const Request& request, Session& session, Host& host);
int run_type(const Request& request, Session& session, Host& host);
int run_types(const Request& request, Session& session, Host& host);
int run_print(const Request& request, Session& session, Host& host);
int run_list(const Request& request, Session& session, Host& host);
int run_sql(const Request& request, Session& session, Host& host);
int run_diff(const Request& request, Host& host);
int run_completion(const Request& request, Host& host);
/// The `stack` command as text: a heading for each thread and its frames under it.
Result<void> print_stacks(const Request& request, Session& session, Host& host, Notes& notes);

/// The `analyze` command as text: a line for each statement, under the name of its topic.
Result<void> print_analysis(Session& session, Host& host, Notes& notes);

/// Opens the files as one session, with the installed debug files that fit when those are wanted;
/// null after it has said what is wrong.
std::unique_ptr<Session> open_files(std::span<const std::string> files, Host& host,
                                    bool debug_files = false);

/// Answers with nothing but an error, after the remarks of the opening, which may be its cause.
/// JSON has both in an empty table, as its reader looks at no other place. Gives the exit status.
int refuse(const Request& request, Session& session, Host& host, std::string_view table,
           std::span<const Column> columns, const Error& error);

/// "panicroom: FILE: sentence" on standard error.
void report_error(Host& host, std::string_view file, const Error& error);
/// Remarks on standard error, for the forms that have no place for them.
void report_notes(Host& host, std::span<const Note> notes);
/// Says which columns a terminal had no room for.
void report_left_out(Host& host, const TableWriter& writer);
/// The writer for the request's form; text fits the host's terminal.
std::unique_ptr<TableWriter> writer_for(const Request& request, Host& host, bool vertical = false);
bool colour_wanted(const Host& host);

}  // namespace panicroom
