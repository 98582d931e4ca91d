#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {

std::string_view name(ColumnType type) {
  switch (type) {
    case ColumnType::boolean:
      return "boolean";
    case ColumnType::integer:
      return "integer";
    case ColumnType::real:
      return "real";
    case ColumnType::address:
      return "address";
    case ColumnType::text:
      return "text";
  }
  return "text";
}

std::span<const Table* const> tables() {
  static const std::array<const Table*, 8> list = {
      &dump_table(), &processes_table(), &threads_table(), &frames_table(),
      &log_table(),  &symbols_table(),   &ranges_table(),  &regions_table(),
  };
  return list;
}

const Table* find_table(std::string_view name) {
  for (const Table* table : tables())
    if (table->name() == name) return table;
  return nullptr;
}

Result<Kernel*> require_kernel(const TableContext& context) {
  if (context.kernel) return context.kernel;
  if (context.why_no_kernel) return Failure(*context.why_no_kernel);
  return fail(ErrorCode::unsupported, "no kernel was recognised in this dump");
}

}  // namespace panicroom
