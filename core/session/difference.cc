#include "core/session/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace panicroom {
namespace {

struct TableKey {
  std::string_view table;
  std::array<std::string_view, 3> columns;  ///< empty ones do not count
  std::size_t count = 0;
};
constexpr std::array keys = {
    TableKey{"dump", {}, 0},
    TableKey{"analysis", {"topic"}, 1},
    TableKey{"processes", {"pid", "name"}, 2},
    TableKey{"threads", {"pid", "tid", "name"}, 3},
    TableKey{"files", {"pid", "process", "fd"}, 3},
    TableKey{"sockets", {"pid", "process", "fd"}, 3},
    TableKey{"maps", {"pid", "start"}, 2},
    TableKey{"modules", {"name"}, 1},
    TableKey{"mounts", {"path"}, 1},
    TableKey{"cpus", {"cpu"}, 1},
    TableKey{"load", {}, 0},
    TableKey{"swap", {"path"}, 1},
    TableKey{"memory", {"name"}, 1},
    TableKey{"zones", {"node", "name"}, 2},
    TableKey{"slabs", {"name"}, 1},
    TableKey{"interrupts", {"number", "name"}, 2},
    TableKey{"locks", {"name", "kind"}, 2},
    TableKey{"sysctl", {"name"}, 1},
};
struct TableColumn {
  std::string_view table, column;
};
// Numbers that are given out anew at each boot.
constexpr std::array not_compared = {TableColumn{"mounts", "namespace"},
                                     TableColumn{"mounts", "id"}, TableColumn{"mounts", "parent"}};
constexpr std::array<std::string_view, 8> by_default = {"dump",    "load",   "memory", "processes",
                                                        "modules", "mounts", "swap",   "sysctl"};

/// A number of any type as the one that it is among the others.
Value normal(Value value) {
  if (const auto* count = std::get_if<std::uint64_t>(&value); count && *count <= INT64_MAX)
    return static_cast<std::int64_t>(*count);
  return value;
}

bool is_compared(std::string_view table, const Column& column) {
  return column.type != ColumnType::address && !column.extra &&
         std::ranges::none_of(not_compared, [&](const TableColumn& one) {
           return one.table == table && one.column == column.name;
         });
}

/// Equal values have equal texts, values of different types never.
std::string identity_of(const std::vector<Value>& key) {
  std::string text;
  for (const Value& value : key) {
    text += fmt::format("{}:", value.index());
    std::visit(
        [&text](const auto& cell) {
          using Cell = std::decay_t<decltype(cell)>;
          if constexpr (std::is_same_v<Cell, Address>)
            text += fmt::format("{:x}", cell.value);
          else if constexpr (std::is_same_v<Cell, std::string>)
            text += fmt::format("{}:{}", cell.size(), cell);
          else if constexpr (!std::is_same_v<Cell, std::monostate>)
            text += fmt::format("{}", cell);
        },
        value);
    text += ';';
  }
  return text;
}

struct Row {
  std::vector<Value> key, cells;
};

class Comparison {
 public:
  explicit Comparison(const Table& table) : table_(table) {
    const auto names = key_of(table);
    for (std::size_t i = 0; i < table.columns().size(); ++i) {
      const Column& column = table.columns()[i];
      if (std::ranges::find(names, column.name) != names.end())
        key_columns_.push_back(i);
      else if (is_compared(table.name(), column))
        columns_.push_back(i);
    }
  }

  Result<std::vector<Row>> rows_of(Session& session, Notes& notes) const {
    Query query;
    query.columns = 0;
    for (const auto& list : {key_columns_, columns_})
      for (const std::size_t i : list) query.columns |= std::uint64_t{1} << i;
    std::vector<Row> rows;
    PANICROOM_CHECK(session.rows(
        table_, query,
        [&](std::span<const Value> values) {
          Row row;
          for (const std::size_t i : key_columns_) row.key.push_back(normal(values[i]));
          for (const std::size_t i : columns_) row.cells.push_back(normal(values[i]));
          rows.push_back(std::move(row));
          return true;
        },
        notes));
    return rows;
  }

  void run(const std::vector<Row>& before, const std::vector<Row>& after,
           const std::function<bool(const Difference&)>& visit) const {
    std::map<std::string, std::deque<std::size_t>> partners;
    for (std::size_t i = 0; i < after.size(); ++i) partners[identity_of(after[i].key)].push_back(i);
    std::vector<bool> met(after.size());
    for (const Row& row : before) {
      const auto found = partners.find(identity_of(row.key));
      if (found == partners.end() || found->second.empty()) {
        if (!visit({table_.name(), row.key, "removed", {}, {}, {}})) return;
        continue;
      }
      const std::size_t partner = found->second.front();
      found->second.pop_front();
      met[partner] = true;
      for (std::size_t i = 0; i < columns_.size(); ++i)
        if (row.cells[i] != after[partner].cells[i] &&
            !visit({table_.name(), row.key, "changed", table_.columns()[columns_[i]].name,
                    row.cells[i], after[partner].cells[i]}))
          return;
    }
    for (std::size_t i = 0; i < after.size(); ++i)
      if (!met[i] && !visit({table_.name(), after[i].key, "added", {}, {}, {}})) return;
  }

 private:
  const Table& table_;
  std::vector<std::size_t> key_columns_, columns_;
};

const TableKey* find_key(std::string_view table) {
  const auto found = std::ranges::find(keys, table, &TableKey::table);
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

std::span<const std::string_view> key_of(const Table& table) {
  const TableKey* key = find_key(table.name());
  if (key == nullptr) return {};
  return std::span(key->columns).first(key->count);
}

std::span<const std::string_view> compared_tables() { return by_default; }

Result<void> compare(Session& before, Session& after, const Table& table,
                     const std::function<bool(const Difference&)>& visit, Notes& notes) {
  if (find_key(table.name()) == nullptr)
    return fail(ErrorCode::invalid,
                fmt::format("the rows of {} of two dumps cannot be compared: nothing says which "
                            "belong together",
                            table.name()));
  const Comparison comparison(table);
  PANICROOM_TRY(old_rows, comparison.rows_of(before, notes));
  PANICROOM_TRY(new_rows, comparison.rows_of(after, notes));
  comparison.run(old_rows, new_rows, visit);
  return {};
}

}  // namespace panicroom
