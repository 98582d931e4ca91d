#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/sql/held_rows.h"
#include "core/sql/sql_run.h"

namespace panicroom {

/// A column that must equal a key: rows in which it does not may be left out.
struct Equality {
  std::size_t column = 0;
  SqlKey key;
};

/// What the cursors of one table in one statement share.
struct TableWalks {
  unsigned narrow = 0, full = 0;    ///< walks so far
  std::uint64_t columns = 0;        ///< all that were asked for
  std::shared_ptr<HeldRows> whole;  ///< all rows, once they are asked for repeatedly
  bool too_large = false;           ///< to be held
};

/// Goes through a table's rows. Tables push their rows, SQLite pulls them: a few are held at first,
/// for the questions that want no more, then as many as the bound allows; what does not fit is
/// walked again from its start, up to where the held rows end.
class TableCursor {
 public:
  TableCursor(const Table& table, SqlRun& run);
  ~TableCursor() { hand_over_notes(); }
  TableCursor(const TableCursor&) = delete;
  TableCursor& operator=(const TableCursor&) = delete;

  Result<void> filter(std::uint64_t columns, std::vector<Equality> equalities);
  Result<void> next();
  bool at_end() const {
    return !rows_ || at_ >= (indexed_ ? chosen_.size() : first_ + rows_->size());
  }
  const Value& cell(std::size_t column) const { return rows_->at(row(), column); }
  /// The same for a row by whichever equalities it is found, and different for each row: SQLite
  /// takes it for one row where it unites the answers to several (OR).
  std::int64_t row_id();

 private:
  std::size_t row() const { return indexed_ ? chosen_[at_] : at_ - first_; }
  Result<bool> use_whole();
  Result<void> read(std::size_t most);
  void hand_over_notes();

  const Table& table_;
  SqlRun& run_;
  std::shared_ptr<TableWalks> walks_;
  std::vector<Equality> equalities_;
  std::uint64_t columns_ = 0;  ///< that this cursor is asked for; the held rows may have more
  Query query_;
  std::shared_ptr<HeldRows> rows_;
  std::size_t at_ = 0;     // of all rows that satisfy the equalities; or in chosen_
  std::size_t first_ = 0;  // of them, the first that is held
  bool more_ = false;      // behind those held
  bool indexed_ = false;
  std::span<const std::uint32_t> chosen_;         // of rows_
  std::map<std::uint64_t, std::uint64_t> alike_;  ///< rows so far, by what their cells are
  std::optional<std::pair<std::size_t, std::int64_t>> identified_;  ///< at_ and its row_id
  Notes notes_;  // of the last walk, which has those of earlier ones too
};

}  // namespace panicroom
