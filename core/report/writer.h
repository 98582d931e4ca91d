#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tables/table.h"

namespace panicroom {

/// Where a report goes. Answers false when it cannot take more (a full disk, a closed pipe).
using Sink = std::function<bool(std::string_view)>;

/// A cell as plain text, safe for a terminal: "0xffff...", "12", "0.5", "yes", "-" for null.
std::string plain_text(const Value& value);
/// A cell as a JSON value: addresses are strings "0x...", null is null.
std::string json_value(const Value& value);

/// Writes one table. Call `begin` once, `row` for each row, `end` once.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  virtual void begin(std::string_view table, std::span<const Column> columns) = 0;
  /// Answers false when the sink refused; the rest may then be left out.
  virtual bool row(std::span<const Value> values) = 0;
  virtual void end(std::span<const Note> notes) = 0;
  /// Names of the columns that did not fit and were left out; known after the first row is written.
  virtual std::vector<std::string_view> left_out() const { return {}; }
};

/// {"table": name, "rows": [{column: value}], "notes": [{"code", "text", "at"}]}, one row a line.
std::unique_ptr<TableWriter> json_writer(Sink sink);
/// RFC 4180 with a header line; null is an empty field. Notes are left to the caller.
std::unique_ptr<TableWriter> csv_writer(Sink sink);

struct TextStyle {
  std::size_t columns = 0;  ///< of the terminal; 0: no limit, nothing is cut
  bool colour = false;
  bool vertical = false;  ///< one "name  value" line per cell, for tables of one row
};
/// Aligned columns under a header. Widths come from the first 1,000 rows; a later longer cell
/// shifts its line. Where the terminal is too narrow, details are left out first; then texts are
/// cut with an ellipsis, but the last column's goes on in further lines; then the last columns are
/// left out. Notes are left to the caller.
std::unique_ptr<TableWriter> text_writer(Sink sink, const TextStyle& style);

}  // namespace panicroom
