#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/session/session.h"

namespace panicroom {

/// One thing in which two dumps differ.
struct Difference {
  std::string_view table;
  std::vector<Value> key;   ///< the cells that say which row it is
  std::string_view change;  ///< "added", "removed" or "changed"
  std::string_view column;  ///< of a change
  Value before, after;
};

/// The columns by which rows of two dumps belong together; empty for tables that cannot be compared
/// (log, frames, symbols and the like).
std::span<const std::string_view> key_of(const Table& table);
/// The tables that are compared when none is named.
std::span<const std::string_view> compared_tables();

/// Compares a table of two dumps: first what is gone or changed in the order of the first dump's
/// rows, then what came. Addresses, numbers that a boot gives out anew (of mounts and their
/// namespaces) and columns that are only printed when asked for are not compared: they differ
/// between any two. Rows with equal keys belong together in their order.
/// Errors: those of Table::rows, `invalid` for a table that cannot be compared.
Result<void> compare(Session& before, Session& after, const Table& table,
                     const std::function<bool(const Difference&)>& visit, Notes& notes);

}  // namespace panicroom
