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
  static const std::array<const Table*, 24> list = {
      &dump_table(),     &analysis_table(),   &processes_table(), &threads_table(), &frames_table(),
      &files_table(),    &sockets_table(),    &maps_table(),      &modules_table(), &mounts_table(),
      &cpus_table(),     &load_table(),       &swap_table(),      &memory_table(),  &zones_table(),
      &slabs_table(),    &interrupts_table(), &locks_table(),     &sysctl_table(),  &log_table(),
      &messages_table(), &symbols_table(),    &ranges_table(),    &regions_table(),
  };
  return list;
}

const Table* find_table(std::string_view name) {
  for (const Table* table : tables())
    if (table->name() == name) return table;
  return nullptr;
}

Value words_cell(const std::optional<std::vector<std::string>>& words) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!words) return std::monostate{};
  std::string text;
  for (const std::string& word : *words) {
    if (!text.empty()) text += ' ';
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char c : word) {
      if (c == '\'')
        text += R"('"'"')";
      else
        text += c;
    }
    text += '\'';
  }
  return text;
}

Result<Kernel*> require_kernel(const TableContext& context) {
  if (context.kernel) return context.kernel;
  if (context.why_no_kernel) return Failure(*context.why_no_kernel);
  return fail(ErrorCode::unsupported, "no kernel was recognised in this dump");
}

}  // namespace panicroom
