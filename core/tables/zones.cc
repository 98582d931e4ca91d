#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 9> columns_of_zones = {{
    {"node", ColumnType::integer, "NUMA node or memory domain."},
    {"name", ColumnType::text, "DMA, DMA32, Normal, Movable (Linux)."},
    {"size", ColumnType::integer, "Bytes of memory that it spans, without holes (Linux)."},
    {"managed", ColumnType::integer, "Bytes of it that are given out to whom asks."},
    {"free", ColumnType::integer, "Bytes of it that were free."},
    {"min", ColumnType::integer, "With less free than this only the kernel itself gets any."},
    {"low", ColumnType::integer, "With less free than this the kernel begins to look for pages."},
    {"high", ColumnType::integer, "With more free than this it stops."},
    {"address", ColumnType::address, "Address of struct zone (Linux) or vm_domain (FreeBSD).",
     true},
}};

class Zones final : public Table {
 public:
  std::string_view name() const override { return "zones"; }
  std::string_view doc() const override {
    return "Every zone (Linux) or domain (FreeBSD) of physical memory.";
  }
  std::span<const Column> columns() const override { return columns_of_zones; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->memory_zones(
        [&](const MemoryZone& row) {
          const std::array<Value, 9> cells = {
              cell(row.node), cell(row.name), cell(row.size), cell(row.managed),   cell(row.free),
              cell(row.min),  cell(row.low),  cell(row.high), Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& zones_table() {
  static const Zones table;
  return table;
}

}  // namespace panicroom
