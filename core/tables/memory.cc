#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 2> columns_of_memory = {{
    {"name", ColumnType::text, "What is counted."},
    {"bytes", ColumnType::integer, "How much."},
}};

class Memory final : public Table {
 public:
  std::string_view name() const override { return "memory"; }
  std::string_view doc() const override {
    return "How much memory was used for what, by the names of /proc/meminfo (Linux) or of "
           "sysctl(8)'s "
           "vm.stats.vm, hw and vfs (FreeBSD).";
  }
  std::span<const Column> columns() const override { return columns_of_memory; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->memory_counters(
        [&](const MemoryCounter& row) {
          const std::array<Value, 2> cells = {row.name, cell(row.bytes)};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& memory_table() {
  static const Memory table;
  return table;
}

}  // namespace panicroom
