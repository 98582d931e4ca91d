#include "core/sql/sql_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/report/escape.h"

namespace panicroom {
namespace {

constexpr std::array<ColumnType, 5> column_types = {ColumnType::boolean, ColumnType::integer,
                                                    ColumnType::real, ColumnType::address,
                                                    ColumnType::text};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

std::int64_t same_bits(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void give_text(sqlite3_context* context, const std::string& text) {
  sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

std::string text_of(sqlite3_stmt* statement, int column) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return bytes ? std::string(bytes, size) : std::string();
}

std::string blob_literal(const std::string& bytes) {
  std::string out = "x'";
  for (const char byte : bytes)
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<std::uint8_t>(byte));
  return out + "'";
}

}  // namespace

std::string_view sql_type(ColumnType type) {
  switch (type) {
    case ColumnType::boolean:
      return "BOOLEAN";
    case ColumnType::integer:
      return "INTEGER";
    case ColumnType::real:
      return "REAL";
    case ColumnType::address:
      return "ADDRESS";
    case ColumnType::text:
      return "TEXT";
  }
  return "TEXT";
}

std::optional<ColumnType> type_declared(const char* declaration) {
  if (!declaration) return std::nullopt;
  for (const ColumnType type : column_types)
    if (sql_type(type) == declaration) return type;
  return std::nullopt;
}

std::string sql_text(std::string_view raw) {
  if (is_ascii(raw)) return std::string(raw);
  std::string out;
  out.reserve(raw.size() + 8);
  while (!raw.empty()) {
    const std::size_t length = utf8_length(raw);
    if (length == 0 || raw.front() == '\0')
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(raw.front()));
    else
      out += raw.substr(0, length);
    raw.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::optional<SqlKey> key_of(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return std::int64_t{*truth};
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* address = std::get_if<Address>(&value)) return same_bits(address->value);
  if (const auto* text = std::get_if<std::string>(&value)) return sql_text(*text);
  if (const auto* count = std::get_if<std::uint64_t>(&value); count && *count <= INT64_MAX)
    return same_bits(*count);
  return std::nullopt;
}

std::optional<SqlKey> key_of(sqlite3_value* value, ColumnType type) {
  const int kind = sqlite3_value_type(value);
  if (type == ColumnType::text) {
    if (kind != SQLITE_TEXT) return std::nullopt;
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
    if (!bytes) return std::nullopt;
    return std::string(bytes, static_cast<std::size_t>(sqlite3_value_bytes(value)));
  }
  if (type == ColumnType::real || kind != SQLITE_INTEGER) return std::nullopt;
  return sqlite3_value_int64(value);
}

void give(sqlite3_context* context, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return give_text(context, is_ascii(*text) ? *text : sql_text(*text));
  if (const auto* real = std::get_if<double>(&value)) return sqlite3_result_double(context, *real);
  if (const auto* count = std::get_if<std::uint64_t>(&value); count && *count > INT64_MAX)
    return sqlite3_result_double(context, static_cast<double>(*count));
  const auto key = key_of(value);
  if (key)
    sqlite3_result_int64(context, std::get<std::int64_t>(*key));
  else
    sqlite3_result_null(context);
}

Value result_value(sqlite3_stmt* statement, int column, std::optional<ColumnType> declared) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: {
      const std::int64_t number = sqlite3_column_int64(statement, column);
      if (declared == ColumnType::address) return Address{static_cast<std::uint64_t>(number)};
      if (declared == ColumnType::boolean && (number == 0 || number == 1)) return number == 1;
      return number;
    }
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return text_of(statement, column);
    case SQLITE_BLOB:
      return blob_literal(text_of(statement, column));
    default:
      return std::monostate{};
  }
}

}  // namespace panicroom
