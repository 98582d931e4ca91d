#include "core/session/difference.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/tables/table.h"

namespace panicroom {
namespace {

TEST(Difference, RowsBelongTogetherByColumnsThatThereAre) {
  for (const Table* table : tables())
    for (const std::string_view name : key_of(*table))
      EXPECT_TRUE(std::ranges::any_of(table->columns(),
                                      [&](const Column& column) { return column.name == name; }))
          << table->name() << " has no column " << name;
}

}  // namespace
}  // namespace panicroom
