#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 10> columns_of_mounts = {{
    {"source", ColumnType::text, "What is mounted: a device, or a word of its own."},
    {"path", ColumnType::text, "Where, from the root of its namespace."},
    {"type", ColumnType::text, "File system."},
    {"options", ColumnType::text,
     "The mount's flags, as mount(8) names them; on Linux after rw or ro."},
    {"device", ColumnType::text, "Of the file system, major:minor (Linux).", true},
    {"root", ColumnType::text, "Which of its directories is mounted (Linux).", true},
    {"id", ColumnType::integer, "Number of the mount (Linux).", true},
    {"parent", ColumnType::integer, "Number of the mount that it lies on (Linux).", true},
    {"namespace", ColumnType::integer, "Inode of its mount namespace (Linux).", true},
    {"address", ColumnType::address, "Address of struct mount.", true},
}};

class Mounts final : public Table {
 public:
  std::string_view name() const override { return "mounts"; }
  std::string_view doc() const override {
    return "Every mounted file system of every mount namespace.";
  }
  std::span<const Column> columns() const override { return columns_of_mounts; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->mounts(
        [&](const Mount& row) {
          const std::array<Value, 10> cells = {
              cell(row.source),          cell(row.path),      cell(row.type), cell(row.options),
              cell(row.device),          cell(row.root),      cell(row.id),   cell(row.parent),
              cell(row.mount_namespace), Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& mounts_table() {
  static const Mounts table;
  return table;
}

}  // namespace panicroom
