#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/session/session.h"
#include "tests/foundry/description.h"

// What the foundry's tests share: made files as sources, a session's tables as maps.

namespace foundry {

inline panicroom::SourcePtr source(const std::string& name, const Blob& blob) {
  const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
  return panicroom::memory_source(name, {bytes, bytes + blob.size()});
}

using Rows = std::vector<std::map<std::string, panicroom::Value>>;

inline Rows rows_of(panicroom::Session& session, const std::string& name,
                    const panicroom::Query& query = {}) {
  Rows rows;
  panicroom::Notes notes;
  const panicroom::Table& table = *panicroom::find_table(name);
  const auto made = session.rows(
      table, query,
      [&](std::span<const panicroom::Value> values) {
        auto& row = rows.emplace_back();
        for (std::size_t index = 0; index < values.size(); ++index)
          row[std::string(table.columns()[index].name)] = values[index];
        return true;
      },
      notes);
  EXPECT_TRUE(made) << name << ": " << made.error().message();
  return rows;
}

inline panicroom::Value text(const std::string& value) { return value; }
inline panicroom::Value integer(std::int64_t value) { return value; }
inline const panicroom::Value null = std::monostate{};

}  // namespace foundry
