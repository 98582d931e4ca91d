#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 7> columns_of_modules = {{
    {"name", ColumnType::text,
     "Name of the module; on FreeBSD of its file, of which the kernel's own is the first."},
    {"base", ColumnType::address, "Where its code begins."},
    {"size", ColumnType::integer, "Bytes of all its memory."},
    {"references", ColumnType::integer, "How often it is used."},
    {"used_by", ColumnType::text, "The modules that use it, separated by commas."},
    {"state", ColumnType::text, "live, loading; on Linux also unloading or unformed."},
    {"address", ColumnType::address, "Address of struct module (Linux) or linker_file (FreeBSD).",
     true},
}};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

class Modules final : public Table {
 public:
  std::string_view name() const override { return "modules"; }
  std::string_view doc() const override {
    return "Every loaded kernel module, in the order of the kernel's own list.";
  }
  std::span<const Column> columns() const override { return columns_of_modules; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->modules(
        [&](const LoadedModule& row) {
          const std::array<Value, 7> cells = {
              cell(row.name),       address_cell(row.base),         cell(row.size),
              cell(row.references), text_cell(joined(row.used_by)), cell(row.state),
              Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& modules_table() {
  static const Modules table;
  return table;
}

}  // namespace panicroom
