#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "wasm/table_view.h"

namespace panicroom {

/// The answer to a statement as a table whose rows are held.
class SqlAnswer {
 public:
  /// Rows that take more than `bound` bytes are left out, and a note says so.
  SqlAnswer(std::string name, std::size_t bound) : table_(std::move(name)), bound_(bound) {}
  SqlAnswer(const SqlAnswer&) = delete;
  SqlAnswer& operator=(const SqlAnswer&) = delete;

  void begin(std::span<const Column> columns) {
    table_.describe(columns);
    view_ = TableView(table_);
  }
  bool add(std::span<const Value> row) { return view_.add(row, bound_); }
  void finish(Notes& notes) { view_.finish(notes); }

  const Table& table() const { return table_; }
  TableView& view() { return view_; }

 private:
  class AnswerTable final : public Table {
   public:
    explicit AnswerTable(std::string name) : name_(std::move(name)) {}
    void describe(std::span<const Column> columns) {
      names_.clear();
      columns_.clear();
      for (const Column& column : columns)
        columns_.push_back({names_.emplace_back(column.name), column.type, ""});
    }
    std::string_view name() const override { return name_; }
    std::string_view doc() const override { return "What a statement answered."; }
    std::span<const Column> columns() const override { return columns_; }
    Result<void> rows(const TableContext&, const Query&, const RowVisitor&, Notes&) const override {
      return fail(ErrorCode::unsupported, "an answer is made by its statement alone");
    }

   private:
    std::string name_;
    std::deque<std::string> names_;
    std::vector<Column> columns_;
  };

  AnswerTable table_;
  std::size_t bound_;
  TableView view_{table_};
};

}  // namespace panicroom
