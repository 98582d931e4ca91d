#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/dump/dump.h"
#include "core/kernel/kernel.h"

namespace panicroom {

/// An address of the dead machine; printed in hexadecimal.
struct Address {
  std::uint64_t value = 0;
  bool operator==(const Address&) const = default;
};

/// One cell. std::monostate is "unknown" or "does not apply" (a note or the column's documentation
/// says which). Strings are the dump's raw bytes: only core/report may show them.
using Value =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, Address, std::string>;

enum class ColumnType : std::uint8_t { boolean, integer, real, address, text };
std::string_view name(ColumnType type);

struct Column {
  std::string_view name;
  ColumnType type = ColumnType::text;
  std::string_view doc;  ///< one sentence: meaning, unit, when it is null
  bool detail = false;   ///< left out first where a terminal is too narrow
  bool extra = false;    ///< as text only shown when it is asked for
};

/// What a table is made from. `kernel` is null when the dump could be opened but its kernel not
/// understood; `why_no_kernel` then says why.
struct TableContext {
  const Dump* dump = nullptr;
  Kernel* kernel = nullptr;
  const Error* why_no_kernel = nullptr;
};

/// What the caller needs of a table, so that a narrow question is not answered by building
/// everything. Rows that do not satisfy the set members are not made.
struct Query {
  std::optional<std::int64_t> pid;
  std::optional<std::int64_t> tid;
  std::optional<std::string> name;       ///< symbols: exactly this name
  std::optional<std::uint64_t> address;  ///< symbols: the one that holds it; others: their own
  bool crashed_only = false;             ///< threads, frames: the thread that the kernel died on
  bool exact = false;  ///< symbols: all with exactly this name, at exactly this address
  /// A bit for each column: the cells of others may stay empty, and what they would cost is saved.
  std::uint64_t columns = ~std::uint64_t{0};

  bool wants(std::size_t column) const { return (columns >> column & 1) != 0; }
};

using RowVisitor = std::function<bool(std::span<const Value>)>;

/// A named table with typed, documented columns. Rows are made when they are asked for.
class Table {
 public:
  virtual ~Table() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view doc() const = 0;
  virtual std::span<const Column> columns() const = 0;
  /// Calls `visit` with one value per column for each row until it answers false. What is missing
  /// or doubtful goes to `notes`; an error means that not even part of the table can be made.
  virtual Result<void> rows(const TableContext& context, const Query& query,
                            const RowVisitor& visit, Notes& notes) const = 0;
};

/// Every table, in the order of `panicroom tables`.
std::span<const Table* const> tables();
/// The table of that name, or null.
const Table* find_table(std::string_view name);

}  // namespace panicroom
