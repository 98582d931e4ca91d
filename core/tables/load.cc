#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 6> columns_of_load = {{
    {"load1", ColumnType::real, "Average of runnable threads over one minute."},
    {"load5", ColumnType::real, "The same over five minutes."},
    {"load15", ColumnType::real, "The same over fifteen minutes."},
    {"runnable", ColumnType::integer, "Threads that ran or could have."},
    {"threads", ColumnType::integer, "Threads in all."},
    {"last_pid", ColumnType::integer, "The process id that was given out last."},
}};

class LoadTable final : public Table {
 public:
  std::string_view name() const override { return "load"; }
  std::string_view doc() const override { return "How busy the machine was: one row."; }
  std::span<const Column> columns() const override { return columns_of_load; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    PANICROOM_TRY(row, kernel->load(notes));
    const std::array<Value, 6> cells = {cell(row.one),      cell(row.five),    cell(row.fifteen),
                                        cell(row.runnable), cell(row.threads), cell(row.last_pid)};
    visit(cells);
    return {};
  }
};

}  // namespace

const Table& load_table() {
  static const LoadTable table;
  return table;
}

}  // namespace panicroom
