#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 4> columns_of_log = {{
    {"time", ColumnType::real,
     "Seconds since boot; null where the kernel keeps no time (FreeBSD)."},
    {"level", ColumnType::integer,
     "syslog severity, 0 (emergency) to 7 (debug); null where it is not kept."},
    {"text", ColumnType::text, "One line of the kernel's message buffer."},
    {"address", ColumnType::address, "Where that text lies.", true, true},
}};

class Log final : public Table {
 public:
  std::string_view name() const override { return "log"; }
  std::string_view doc() const override {
    return "The kernel's message buffer, oldest line first.";
  }
  std::span<const Column> columns() const override { return columns_of_log; }
  Result<void> rows(const TableContext& context, const Query&, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->log(
        [&](const LogLine& line) {
          std::array<Value, 4> row = {std::monostate{}, std::monostate{}, line.text,
                                      address_cell(line.address)};
          // Whole microseconds, cut off as dmesg does.
          if (line.time_ns) {
            const std::uint64_t microseconds = *line.time_ns / 1000;
            row[0] = static_cast<double>(microseconds) / 1e6;
          }
          if (line.level) row[1] = static_cast<std::int64_t>(*line.level);
          return visit(row);
        },
        notes);
  }
};

}  // namespace

const Table& log_table() {
  static const Log table;
  return table;
}

}  // namespace panicroom
