#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 10> columns_of_maps = {{
    {"pid", ColumnType::integer, "Process id."},
    {"start", ColumnType::address, "First address."},
    {"end", ColumnType::address, "First address after it."},
    {"access", ColumnType::text, "rwx and p (private) or s (shared)."},
    {"offset", ColumnType::address, "In its file; null where it has none.", true},
    {"device", ColumnType::text, "Of the file's file system, major:minor (Linux).", true},
    {"inode", ColumnType::integer, "Of the file.", true},
    {"path", ColumnType::text,
     "The file, or [heap], [stack], [vdso] and its like; null for other anonymous memory."},
    {"deleted", ColumnType::boolean, "True when the file was removed (Linux).", true},
    {"address", ColumnType::address,
     "Address of struct vm_area_struct (Linux) or vm_map_entry (FreeBSD).", true},
}};

class Maps final : public Table {
 public:
  std::string_view name() const override { return "maps"; }
  std::string_view doc() const override { return "Every part of every process's address space."; }
  std::span<const Column> columns() const override { return columns_of_maps; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->mappings(
        query.pid,
        [&](const Mapping& row) {
          const std::array<Value, 10> cells = {
              cell(row.pid),       Address{row.start},       Address{row.end},
              cell(row.access),    address_cell(row.offset), cell(row.device),
              cell(row.inode),     cell(row.path),           cell(row.deleted),
              Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& maps_table() {
  static const Maps table;
  return table;
}

}  // namespace panicroom
