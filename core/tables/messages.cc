#include <algorithm>
#include <array>
#include <vector>

#include "core/analysis/last_words.h"
#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::size_t lines_before = 20;

constexpr std::array<Column, 5> columns_of_messages = {{
    {"time", ColumnType::real,
     "Seconds since boot; null where the kernel keeps no time (FreeBSD)."},
    {"part", ColumnType::text,
     "before: what came before the report of the death; report: from its first line on; panic: "
     "from "
     "the panic's own line on."},
    {"text", ColumnType::text, "One line of the kernel's message buffer."},
    {"level", ColumnType::integer, "syslog severity, 0 to 7; null where it is not kept.", true},
    {"address", ColumnType::address, "Where that text lies.", true, true},
}};

class Messages final : public Table {
 public:
  std::string_view name() const override { return "messages"; }
  std::string_view doc() const override {
    return "The last messages before the kernel died, and what it said of its death.";
  }
  std::span<const Column> columns() const override { return columns_of_messages; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    std::vector<LogLine> log;
    PANICROOM_CHECK(kernel->log(
        [&](const LogLine& line) {
          log.push_back(line);
          return true;
        },
        notes));
    const KernelIdentity identity = kernel->identity(notes);
    const LastWords words = last_words(identity, log);
    // A kernel that said nothing of its death still had last messages.
    const std::size_t panic = words.panic.value_or(log.size());
    const std::size_t report = std::min(words.line.value_or(panic), panic);
    for (std::size_t i = report - std::min(report, lines_before); i < log.size(); ++i) {
      const LogLine& line = log[i];
      Value time;
      if (line.time_ns) {
        const std::uint64_t microseconds = *line.time_ns / 1000;  // whole ones, as in `log`
        time = static_cast<double>(microseconds) / 1e6;
      }
      const std::array<Value, columns_of_messages.size()> cells = {
          time,
          std::string(i < report  ? "before"
                      : i < panic ? "report"
                                  : "panic"),
          line.text, line.level ? Value(static_cast<std::int64_t>(*line.level)) : Value(),
          address_cell(line.address)};
      if (!visit(cells)) break;
    }
    return {};
  }
};

}  // namespace

const Table& messages_table() {
  static const Messages table;
  return table;
}

}  // namespace panicroom
