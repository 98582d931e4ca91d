#pragma once

#include <sqlite3.h>

#include "core/sql/sql_run.h"

namespace panicroom {

/// Makes `table` known to `database` as a read-only virtual table of the same name. Equalities with
/// integers and texts narrow what is read; the first rows are read alone at first, and all of them
/// are held and indexed for the statement when it asks for them again and again. `run` outlives
/// `database`. Answers SQLite's result code.
int add_table(sqlite3* database, const Table& table, SqlRun& run);

}  // namespace panicroom
