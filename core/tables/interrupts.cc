#include <fmt/ranges.h>

#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 8> columns_of_interrupts = {{
    {"number", ColumnType::integer, "Number of the line; null for those of the processor itself."},
    {"name", ColumnType::text, "What the system calls it."},
    {"count", ColumnType::integer, "How often it came, on all processors."},
    {"controller", ColumnType::text, "What delivers it (Linux)."},
    {"hwirq", ColumnType::integer, "Number of the line at its controller (Linux).", true},
    {"handlers", ColumnType::text, "The devices that asked for it."},
    {"per_cpu", ColumnType::text, "How often on each processor, from the first (Linux).", true,
     true},
    {"address", ColumnType::address, "Address of struct irq_desc (Linux) or intr_event (FreeBSD).",
     true, true},
}};

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string counts(const std::vector<std::uint64_t>& of_each) {
  return fmt::format("{}", fmt::join(of_each, " "));
}

class Interrupts final : public Table {
 public:
  std::string_view name() const override { return "interrupts"; }
  std::string_view doc() const override {
    return "Every source of interrupts and how often it came.";
  }
  std::span<const Column> columns() const override { return columns_of_interrupts; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->interrupts(
        [&](const Interrupt& row) {
          const std::array<Value, 8> cells = {
              cell(row.number),
              cell(row.name),
              cell(row.count),
              cell(row.controller),
              cell(row.hwirq),
              text_cell(joined(row.handlers)),
              text_cell(counts(row.per_cpu)),
              row.address != 0 ? Value(Address{row.address}) : Value(std::monostate{})};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& interrupts_table() {
  static const Interrupts table;
  return table;
}

}  // namespace panicroom
