#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/report/writer.h"
#include "core/session/session.h"
#include "core/tables/table.h"

namespace panicroom {

struct SortKey {
  std::size_t column = 0;
  bool descending = false;
  bool operator==(const SortKey&) const = default;
};

/// Which rows a list shows and in which order.
struct Selection {
  /// Blank-separated words that must all appear in the row, in any column, letter case aside.
  std::string filter;
  /// The same for one column each.
  std::vector<std::pair<std::size_t, std::string>> column_filters;
  /// The first key counts most; rows that are equal stay in the table's order. Null comes last.
  std::vector<SortKey> sort;
  bool operator==(const Selection&) const = default;
};

/// The rows of one table, made once, to be looked at through a window. Rows whose making would take
/// more than `bound` bytes are left out, and a note says so.
class TableView {
 public:
  /// Error: that of a table of which there is not even a part.
  static Result<TableView> make(Session& session, const Table& table, const Query& query,
                                std::size_t bound);

  /// Rows that are added one by one; `add` answers false once one does not fit, and all later.
  explicit TableView(const Table& table) : table_(&table) {}
  bool add(std::span<const Value> row, std::size_t bound);
  void finish(Notes& notes);

  /// {"table", "total", "matched", "offset", "rows": [[cell, ...], ...], "notes": [...]}. Texts are
  /// visible() text; integers that a JavaScript number cannot hold are strings.
  std::string window(const Selection& selection, std::uint64_t offset, std::uint64_t limit);
  /// The same rows as the command line prints them, with the notes. Answers how many there were.
  std::uint64_t write(const Selection& selection, std::uint64_t offset, std::uint64_t limit,
                      TableWriter& writer);
  /// The place of the first row, in the order of `selection`, whose cell of `column` shows `text`.
  std::optional<std::uint64_t> find(const Selection& selection, std::size_t column,
                                    const std::string& text);

  std::size_t bytes_held() const { return bytes_held_; }

 private:
  const Value& at(std::uint32_t row, std::size_t column) const {
    return cells_[row * table_->columns().size() + column];
  }
  std::string searched_text(std::uint32_t row) const;
  void arrange(const Selection& selection);

  const Table* table_;
  std::vector<Value> cells_;
  std::uint32_t rows_ = 0;
  std::vector<Note> notes_;
  std::size_t bytes_held_ = 0;
  Selection arranged_by_;
  std::vector<std::uint32_t> order_;
  bool arranged_ = false;
  bool cut_ = false;
};

}  // namespace panicroom
