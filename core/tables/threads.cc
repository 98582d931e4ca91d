#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 10> columns_of_threads = {{
    {"pid", ColumnType::integer, "Process id."},
    {"tid", ColumnType::integer, "Thread id."},
    {"process", ColumnType::text, "Name of the process.", true},
    {"name", ColumnType::text, "Name of the thread."},
    {"state", ColumnType::text, "As in processes, of this thread."},
    {"cpu", ColumnType::integer,
     "Processor that the thread was running on; null when it was on none."},
    {"crashed", ColumnType::boolean,
     "True for the thread on which the kernel died; null when that is unknown."},
    {"address", ColumnType::address, "Address of struct thread (FreeBSD) or task_struct (Linux).",
     true},
    {"pc", ColumnType::address, "Where the thread was, or continues, in the kernel.", true},
    {"sp", ColumnType::address, "Its kernel stack pointer there.", true},
}};

class Threads final : public Table {
 public:
  std::string_view name() const override { return "threads"; }
  std::string_view doc() const override {
    return "Every thread with its state, processor and kernel registers.";
  }
  std::span<const Column> columns() const override { return columns_of_threads; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->threads(
        [&](const Thread& thread) {
          if (!selects(query, thread)) return true;
          const std::array<Value, 10> row = {
              cell(thread.pid),
              cell(thread.tid),
              cell(thread.process),
              cell(thread.name),
              cell(thread.state),
              cell(thread.cpu),
              cell(thread.crashed),
              thread.address != 0 ? Value(Address{thread.address}) : Value(std::monostate{}),
              address_cell(thread.registers.pc),
              address_cell(thread.registers.sp),
          };
          return visit(row);
        },
        notes);
  }
};

}  // namespace

bool selects(const Query& query, const Thread& thread) {
  if (query.pid && thread.pid != query.pid) return false;
  if (query.tid && thread.tid != query.tid) return false;
  if (query.name && thread.name != query.name) return false;
  return !query.crashed_only || thread.crashed == true;
}

const Table& threads_table() {
  static const Threads table;
  return table;
}

}  // namespace panicroom
