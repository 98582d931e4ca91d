#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 5> columns_of_ranges = {{
    {"start", ColumnType::address, "First physical address."},
    {"end", ColumnType::address, "First physical address after the range."},
    {"size", ColumnType::integer, "Bytes."},
    {"state", ColumnType::text, "present, excluded (left out by the dump's writer) or missing."},
    {"reason", ColumnType::text,
     "Why it is missing: hole (no memory there), truncated (the file ends before it), damaged (the "
     "record that says where it is contradicts itself), other_part (in a file of the split set "
     "that "
     "was not given); null when present or excluded."},
}};

std::string reason(Absence absence) {
  return absence == Absence::none ? "damaged" : std::string(name(absence));
}

class Ranges final : public Table {
 public:
  std::string_view name() const override { return "ranges"; }
  std::string_view doc() const override {
    return "Each range of physical memory and whether the dump holds it.";
  }
  std::span<const Column> columns() const override { return columns_of_ranges; }
  Result<void> rows(const TableContext& context, const Query&, const RowVisitor& visit,
                    Notes&) const override {
    context.dump->memory->ranges([&](const PhysicalRange& range) {
      const bool excluded = !range.present && range.absence == Absence::excluded;
      const std::string state = range.present ? "present" : excluded ? "excluded" : "missing";
      const std::array<Value, 5> row = {
          Address{range.start}, Address{range.end}, range.end - range.start, state,
          range.present || excluded ? Value(std::monostate{}) : Value(reason(range.absence))};
      return visit(row);
    });
    return {};
  }
};

constexpr std::array<Column, 5> columns_of_regions = {{
    {"start", ColumnType::integer, "Offset of the first byte in the (decompressed) file."},
    {"end", ColumnType::integer, "Offset after the last byte."},
    {"size", ColumnType::integer, "Bytes."},
    {"what", ColumnType::text, "What these bytes are."},
    {"part", ColumnType::integer, "Which file of a split set, from 0."},
}};

class Regions final : public Table {
 public:
  std::string_view name() const override { return "regions"; }
  std::string_view doc() const override { return "Every byte of the dump file and what it is."; }
  std::span<const Column> columns() const override { return columns_of_regions; }
  Result<void> rows(const TableContext& context, const Query&, const RowVisitor& visit,
                    Notes&) const override {
    for (const FileRegion& region : context.dump->regions) {
      const std::array<Value, 5> row = {region.start, region.end, region.end - region.start,
                                        region.what, static_cast<std::uint64_t>(region.part)};
      if (!visit(row)) break;
    }
    return {};
  }
};

}  // namespace

const Table& ranges_table() {
  static const Ranges table;
  return table;
}

const Table& regions_table() {
  static const Regions table;
  return table;
}

}  // namespace panicroom
