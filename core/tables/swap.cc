#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 6> columns_of_swap = {{
    {"path", ColumnType::text, "Device or file."},
    {"type", ColumnType::text, "partition or file."},
    {"size", ColumnType::integer, "Bytes."},
    {"used", ColumnType::integer, "Bytes in use."},
    {"priority", ColumnType::integer, "Areas of higher priority are used first (Linux)."},
    {"address", ColumnType::address,
     "Address of struct swap_info_struct (Linux) or swdevt (FreeBSD).", true},
}};

class Swap final : public Table {
 public:
  std::string_view name() const override { return "swap"; }
  std::string_view doc() const override { return "Every swap area."; }
  std::span<const Column> columns() const override { return columns_of_swap; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->swap_areas(
        [&](const SwapArea& row) {
          const std::array<Value, 6> cells = {cell(row.path),     cell(row.type),
                                              cell(row.size),     cell(row.used),
                                              cell(row.priority), Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& swap_table() {
  static const Swap table;
  return table;
}

}  // namespace panicroom
