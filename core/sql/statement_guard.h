#pragma once

#include <sqlite3.h>

#include <optional>
#include <string_view>

#include "core/sql/sql_run.h"

namespace panicroom {

/// Takes away the virtual tables that this SQLite was built with, which differ from one to another.
int drop_library_tables(sqlite3* database);

/// The refusal of a function that this SQLite lacks and others have, by SQLite's message.
std::optional<Error> refused_function(std::string_view message);

/// Sets SQLite's limits, and lets statements read the tables, make temporary ones, and nothing
/// else. `run` outlives `database`. Answers SQLite's result code.
int guard(sqlite3* database, SqlRun& run);

}  // namespace panicroom
