#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 7> columns_of_processes = {{
    {"pid", ColumnType::integer, "Process id; 0 for the kernel itself and idle tasks."},
    {"ppid", ColumnType::integer, "Process id of the parent; null where it has none."},
    {"uid", ColumnType::integer, "Effective user id."},
    {"state", ColumnType::text,
     "running, sleeping, uninterruptible, idle, stopped, traced, zombie, dead, parked or new; on "
     "Linux the "
     "state of "
     "the thread group's leader."},
    {"name", ColumnType::text,
     "Command name as the kernel keeps it (comm), cut at the kernel's length."},
    {"threads", ColumnType::integer, "Number of threads."},
    {"address", ColumnType::address,
     "Address of struct proc (FreeBSD) or of the leader's task_struct (Linux).", true},
}};

class Processes final : public Table {
 public:
  std::string_view name() const override { return "processes"; }
  std::string_view doc() const override {
    return "Every process that existed when the kernel died.";
  }
  std::span<const Column> columns() const override { return columns_of_processes; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->processes(
        [&](const Process& process) {
          if (query.pid && process.pid != query.pid) return true;
          if (query.name && process.name != query.name) return true;
          const std::array<Value, 7> row = {cell(process.pid),       cell(process.ppid),
                                            cell(process.uid),       cell(process.state),
                                            cell(process.name),      cell(process.threads),
                                            Address{process.address}};
          return visit(row);
        },
        notes);
  }
};

}  // namespace

const Table& processes_table() {
  static const Processes table;
  return table;
}

}  // namespace panicroom
