#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 6> columns_of_slabs = {{
    {"name", ColumnType::text, "Name of the slab cache (Linux) or UMA zone (FreeBSD)."},
    {"object_size", ColumnType::integer,
     "Bytes that one object takes, as slabtop and vmstat -z show it."},
    {"objects", ColumnType::integer, "Objects that there is memory for."},
    {"in_use", ColumnType::integer,
     "Objects that were handed out; those that a processor keeps at hand are counted too (Linux)."},
    {"bytes", ColumnType::integer,
     "Bytes of memory that it holds; null for a UMA zone that shares another's slabs or has none."},
    {"address", ColumnType::address, "Address of struct kmem_cache (Linux) or uma_zone (FreeBSD).",
     true},
}};

class Slabs final : public Table {
 public:
  std::string_view name() const override { return "slabs"; }
  std::string_view doc() const override { return "Every cache of the kernel's allocator."; }
  std::span<const Column> columns() const override { return columns_of_slabs; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->object_caches(
        [&](const ObjectCache& row) {
          const std::array<Value, 6> cells = {cell(row.name),    cell(row.object_size),
                                              cell(row.objects), cell(row.in_use),
                                              cell(row.bytes),   Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& slabs_table() {
  static const Slabs table;
  return table;
}

}  // namespace panicroom
