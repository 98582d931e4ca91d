#pragma once

#include <sqlite3.h>

#include "core/sql/sql_run.h"

namespace panicroom {

/// `address(text)`: what a number, symbol or symbol+offset means. `symbol(address)`: name+0xoffset
/// of what covers an address, or null. `hex(integer)`: 0x and hexadecimal digits of its 64 bits.
/// `run` outlives `database`. Answers SQLite's result code.
int add_functions(sqlite3* database, SqlRun& run);

}  // namespace panicroom
