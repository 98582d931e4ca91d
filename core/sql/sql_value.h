#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/tables/table.h"

namespace panicroom {

/// The declared type of a column in SQL.
std::string_view sql_type(ColumnType type);
/// The type that a declaration means, where it is one of ours.
std::optional<ColumnType> type_declared(const char* declaration);

/// A text as SQL sees it: bytes that are not UTF-8, and NUL, as \xNN.
std::string sql_text(std::string_view raw);

/// What a cell can be equal to in SQL, or nothing where it is null or real.
using SqlKey = std::variant<std::int64_t, std::string>;
std::optional<SqlKey> key_of(const Value& value);
/// The same of a value that a column of this type is compared with; nothing where SQLite converts
/// before it compares.
std::optional<SqlKey> key_of(sqlite3_value* value, ColumnType type);

/// Answers a function's or column's value.
void give(sqlite3_context* context, const Value& value);

/// A value of a result; `declared` is the type of the column that it is, if it is one.
Value result_value(sqlite3_stmt* statement, int column, std::optional<ColumnType> declared);

}  // namespace panicroom
