#include <array>

#include "core/analysis/analyze.h"
#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 5> columns_of_analysis = {{
    {"topic", ColumnType::text,
     "cause, kind, signature, said, thread, instruction, register, operand, frame, holds, waits, "
     "deadlock, machine, memory, blocked or missing."},
    {"statement", ColumnType::text, "What was found."},
    {"confidence", ColumnType::text,
     "certain: it stands in the dump; likely: the usual meaning of what does; possible: one "
     "explanation of several."},
    {"address", ColumnType::address, "Virtual address of the bytes that say so."},
    {"offset", ColumnType::integer,
     "Where those bytes lie in the (decompressed) file; of a compressed page its first byte.",
     true},
}};

/// Where the byte at a virtual address is stored.
Value offset_of(const TableContext& context, std::optional<std::uint64_t> address) {
  if (!address) return std::monostate{};
  const auto translated = context.kernel->memory().translate(*address);
  if (!translated) return std::monostate{};
  const PageLocation place = context.dump->memory->locate(translated->physical);
  if (!place.present) return std::monostate{};
  const std::uint64_t in_page = translated->physical % context.dump->memory->page_size();
  return place.file_offset + (place.codec == Codec::none ? in_page : 0);
}

class AnalysisTable final : public Table {
 public:
  std::string_view name() const override { return "analysis"; }
  std::string_view doc() const override {
    return "How the kernel died, of what, and what the machine was doing.";
  }
  std::span<const Column> columns() const override { return columns_of_analysis; }
  Result<void> rows(const TableContext& context, const Query& /*query*/, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    analyze(
        *kernel,
        [&](const Statement& statement) {
          const std::array<Value, columns_of_analysis.size()> cells = {
              std::string(statement.topic), statement.text,
              std::string(panicroom::name(statement.confidence)), address_cell(statement.address),
              offset_of(context, statement.address)};
          return visit(cells);
        },
        notes);
    return {};
  }
};

}  // namespace

const Table& analysis_table() {
  static const AnalysisTable table;
  return table;
}

}  // namespace panicroom
