#pragma once

#include <sqlite3.h>

#include "core/sql/sql_run.h"

namespace panicroom {

/// Sets SQLite's limits, and lets statements read the tables, make temporary ones, and nothing
/// else. `run` outlives `database`. Answers SQLite's result code.
int guard(sqlite3* database, SqlRun& run);

}  // namespace panicroom
