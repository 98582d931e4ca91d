#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 11> columns_of_cpus = {{
    {"cpu", ColumnType::integer, "Its number."},
    {"online", ColumnType::boolean, "Whether it took part."},
    {"crashed", ColumnType::boolean, "True for the one on which the kernel died."},
    {"tid", ColumnType::integer, "Thread that it was running."},
    {"thread", ColumnType::text, "Name of that thread."},
    {"idle", ColumnType::boolean, "True when that was its idle task."},
    {"runnable", ColumnType::integer, "Threads in its run queue.", true},
    {"current", ColumnType::address, "Address of that thread.", true},
    {"base", ColumnType::address,
     "Where its own memory lies: added to the address of a per-processor symbol.", true},
    {"pc", ColumnType::address,
     "Where it was: by the dump's notes (Linux) or by what it saved when it stopped (FreeBSD).",
     true},
    {"sp", ColumnType::address, "Its stack pointer there.", true},
}};

class Cpus final : public Table {
 public:
  std::string_view name() const override { return "cpus"; }
  std::string_view doc() const override { return "Every processor and what it was doing."; }
  std::span<const Column> columns() const override { return columns_of_cpus; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->cpus(
        [&](const Processor& row) {
          const std::array<Value, 11> cells = {
              row.number,           cell(row.online),          cell(row.crashed),
              cell(row.tid),        cell(row.thread),          cell(row.idle),
              cell(row.runnable),   address_cell(row.current), address_cell(row.per_cpu_base),
              address_cell(row.pc), address_cell(row.sp)};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& cpus_table() {
  static const Cpus table;
  return table;
}

}  // namespace panicroom
