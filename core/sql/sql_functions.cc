#include "core/sql/sql_functions.h"

#include <fmt/format.h>

#include <array>

#include "core/sql/guarded.h"
#include "core/sql/sql_value.h"

namespace panicroom {
namespace {

SqlRun& run_of(sqlite3_context* context) {
  return *static_cast<SqlRun*>(sqlite3_user_data(context));
}

std::string text_of(sqlite3_value* value) {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void address_function(sqlite3_context* context, int, sqlite3_value** values) {
  const int type = sqlite3_value_type(values[0]);
  if (type == SQLITE_INTEGER) return sqlite3_result_value(context, values[0]);
  if (type != SQLITE_TEXT) return sqlite3_result_null(context);
  SqlRun& run = run_of(context);
  const auto address = run.session->resolve(text_of(values[0]));
  if (address) return sqlite3_result_int64(context, static_cast<std::int64_t>(*address));
  run.error = address.error();
  sqlite3_result_error(context, address.error().text.c_str(), -1);
}

void symbol_function(sqlite3_context* context, int, sqlite3_value** values) {
  Kernel* const kernel = run_of(context).session->kernel();
  const auto symbols = kernel ? kernel->symbols() : nullptr;
  if (!symbols || sqlite3_value_type(values[0]) != SQLITE_INTEGER)
    return sqlite3_result_null(context);
  const auto address = static_cast<std::uint64_t>(sqlite3_value_int64(values[0]));
  const auto symbol = symbols->at(address);
  if (!symbol) return sqlite3_result_null(context);
  const std::uint64_t offset = address - symbol->address;
  give(context,
       offset == 0 ? std::string(symbol->name) : fmt::format("{}+{:#x}", symbol->name, offset));
}

// SQLite's own of texts and blobs; of an integer its own would show the decimal digits' bytes.
void hex_function(sqlite3_context* context, int, sqlite3_value** values) {
  const int type = sqlite3_value_type(values[0]);
  if (type == SQLITE_NULL) return sqlite3_result_null(context);
  if (type == SQLITE_INTEGER)
    return give(context,
                fmt::format("{:#x}", static_cast<std::uint64_t>(sqlite3_value_int64(values[0]))));
  const auto* bytes = static_cast<const unsigned char*>(sqlite3_value_blob(values[0]));
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(values[0]));
  std::string out;
  for (std::size_t at = 0; bytes && at < size; ++at) out += fmt::format("{:02X}", bytes[at]);
  give(context, out);
}

struct Function {
  const char* name;
  void (*call)(sqlite3_context*, int, sqlite3_value**);
};
constexpr std::array<Function, 3> functions = {{{"address", guarded_function<address_function>},
                                                {"symbol", guarded_function<symbol_function>},
                                                {"hex", guarded_function<hex_function>}}};

}  // namespace

int add_functions(sqlite3* database, SqlRun& run) {
  int status = SQLITE_OK;
  for (const Function& function : functions)
    if (status == SQLITE_OK)
      status =
          sqlite3_create_function_v2(database, function.name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                     &run, function.call, nullptr, nullptr, nullptr);
  return status;
}

}  // namespace panicroom
