#pragma once

#include <sqlite3.h>

#include <new>

namespace panicroom {

/// Does a callback's work and answers SQLite's status for it: no exception may cross SQLite's own
/// code.
template <class Work>
int guarded(const Work& work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (...) {
    return SQLITE_ERROR;
  }
}

/// The same of a function of SQL, as sqlite3_create_function_v2 takes it.
template <void (*call)(sqlite3_context*, int, sqlite3_value**)>
void guarded_function(sqlite3_context* context, int count, sqlite3_value** values) noexcept {
  const int status = guarded([&] {
    call(context, count, values);
    return SQLITE_OK;
  });
  if (status != SQLITE_OK) sqlite3_result_error_code(context, status);
}

}  // namespace panicroom
