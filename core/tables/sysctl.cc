#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 5> columns_of_sysctl = {{
    {"name", ColumnType::text, "Its name, from the root of the tree."},
    {"type", ColumnType::text,
     "integer, unsigned long, string, opaque, node and so on, as FreeBSD's sysctl(8) -t names it; "
     "null where a function of the kernel computes the value (Linux)."},
    {"value", ColumnType::text,
     "As sysctl(8) prints it, several numbers with blanks between them; null where a function of "
     "the kernel computes it."},
    {"doc", ColumnType::text, "The kernel's own description of it (FreeBSD).", true},
    {"address", ColumnType::address, "Address of struct sysctl_oid (FreeBSD) or ctl_table (Linux).",
     true, true},
}};

class Sysctls final : public Table {
 public:
  std::string_view name() const override { return "sysctl"; }
  std::string_view doc() const override {
    return "Every variable of the sysctl tree and its value; of namespaces, those of the first.";
  }
  std::span<const Column> columns() const override { return columns_of_sysctl; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->sysctls(
        [&](const Sysctl& row) {
          const std::array<Value, 5> cells = {row.name, cell(row.type), cell(row.value),
                                              cell(row.doc), Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& sysctl_table() {
  static const Sysctls table;
  return table;
}

}  // namespace panicroom
