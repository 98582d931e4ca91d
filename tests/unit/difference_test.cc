#include "core/session/difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tables/table.h"
#include "tests/unit/counting_kernel.h"

namespace panicroom {
namespace {

TEST(Difference, RowsBelongTogetherByColumnsThatThereAre) {
  for (const Table* table : tables())
    for (const std::string_view name : key_of(*table))
      EXPECT_TRUE(std::ranges::any_of(table->columns(),
                                      [&](const Column& column) { return column.name == name; }))
          << table->name() << " has no column " << name;
}

/// One of the tables' names with rows that a test states.
class StatedTable final : public Table {
 public:
  StatedTable(std::string_view name, std::vector<Column> columns)
      : name_(name), columns_(std::move(columns)) {}
  std::string_view name() const override { return name_; }
  std::string_view doc() const override { return "stated"; }
  std::span<const Column> columns() const override { return columns_; }
  Result<void> rows(const TableContext& context, const Query&, const RowVisitor& visit,
                    Notes&) const override {
    for (const auto& row : stated.at(context.dump))
      if (!visit(row)) break;
    return {};
  }
  std::map<const Dump*, std::vector<std::vector<Value>>> stated;

 private:
  std::string_view name_;
  std::vector<Column> columns_;
};

std::vector<std::string> differences(StatedTable& table, std::vector<std::vector<Value>> before,
                                     std::vector<std::vector<Value>> after) {
  const auto old_one = testing::session_of(std::make_unique<testing::CountingKernel>());
  const auto new_one = testing::session_of(std::make_unique<testing::CountingKernel>());
  table.stated[&old_one->dump()] = std::move(before);
  table.stated[&new_one->dump()] = std::move(after);
  std::vector<std::string> found;
  Notes notes;
  EXPECT_TRUE(compare(
      *old_one, *new_one, table,
      [&](const Difference& difference) {
        found.push_back(std::string(difference.change) + " " + std::string(difference.column));
        return true;
      },
      notes));
  return found;
}

TEST(Difference, EqualIntegersAreEqualWhateverTheirType) {
  StatedTable table("swap", {{"path", ColumnType::integer, ""}, {"used", ColumnType::integer, ""}});
  const std::int64_t five = 5;
  const std::uint64_t also_five = 5, huge = ~std::uint64_t{0};
  EXPECT_EQ(
      differences(table, {{five, also_five}, {huge, huge}}, {{also_five, five}, {huge, huge}}),
      std::vector<std::string>{});
  EXPECT_EQ(differences(table, {{five, std::int64_t{-1}}}, {{five, huge}}),
            std::vector<std::string>{"changed used"});
}

TEST(Difference, NumbersThatABootGivesOutAreNotCompared) {
  const auto columns = find_table("mounts")->columns();
  StatedTable table("mounts", {columns.begin(), columns.end()});
  std::vector<Value> before, after;
  for (const Column& column : columns) {
    const bool given_out = column.name == "namespace" || column.name == "id" ||
                           column.name == "parent" || column.name == "address";
    const auto cell = [&](std::int64_t number) -> Value {
      if (column.type == ColumnType::address) return Address{static_cast<std::uint64_t>(number)};
      if (column.type == ColumnType::integer) return number;
      return std::string("same");
    };
    before.push_back(cell(1));
    after.push_back(cell(given_out ? 2 : 1));
  }
  EXPECT_EQ(differences(table, {before}, {after}), std::vector<std::string>{});
  const auto options = std::ranges::find(columns, "options", &Column::name);
  after[static_cast<std::size_t>(options - columns.begin())] = std::string("ro");
  EXPECT_EQ(differences(table, {before}, {after}), std::vector<std::string>{"changed options"});
}

}  // namespace
}  // namespace panicroom
