#include "core/sql/held_rows.h"

#include <algorithm>
#include <bit>

namespace panicroom {

namespace {

/// Column 63 and all after it share SQLite's last bit.
bool is_among(std::uint64_t columns, std::size_t column) {
  return (columns >> std::min<std::size_t>(column, 63) & 1) != 0;
}

}  // namespace

HeldRows::HeldRows(std::uint64_t columns, std::size_t table_columns)
    : columns_(columns), places_(table_columns, 0) {
  for (std::size_t column = 0; column < table_columns; ++column) {
    if (!is_among(columns, column)) continue;
    places_[column] = kept_.size();
    kept_.push_back(column);
  }
}

void HeldRows::add(std::span<const Value> row) {
  for (const std::size_t column : kept_) {
    cells_.push_back(row[column]);
    bytes_ += sizeof(Value);
    if (const auto* text = std::get_if<std::string>(&row[column])) bytes_ += text->size();
  }
  bytes_ += sizeof(std::uint32_t);
  ++size_;
}

const Value& HeldRows::at(std::size_t row, std::size_t column) const {
  return cells_[row * kept_.size() + places_[column]];
}

std::uint64_t HeldRows::hash(std::size_t row, std::uint64_t columns) const {
  std::uint64_t hash = 0;
  const auto add = [&hash](std::uint64_t part) { hash = mixed(hash ^ part); };
  for (const std::size_t column : kept_) {
    if (!is_among(columns, column)) continue;
    const Value& value = at(row, column);
    add(value.index());
    if (const auto* text = std::get_if<std::string>(&value)) {
      for (const char c : *text) add(static_cast<std::uint8_t>(c));
    } else if (const auto* real = std::get_if<double>(&value)) {
      add(std::bit_cast<std::uint64_t>(*real));
    } else if (const auto* count = std::get_if<std::uint64_t>(&value)) {
      add(*count);
    } else if (const auto key = key_of(value)) {
      add(static_cast<std::uint64_t>(std::get<std::int64_t>(*key)));
    }
  }
  return hash;
}

const HeldRows::Index& HeldRows::index_of(std::size_t column) {
  const auto [place, is_new] = indexes_.try_emplace(column);
  Index& index = place->second;
  if (!is_new) return index;
  std::vector<std::pair<SqlKey, std::uint32_t>> entries;
  for (std::size_t row = 0; row < size_; ++row)
    if (auto key = key_of(at(row, column)))
      entries.emplace_back(std::move(*key), static_cast<std::uint32_t>(row));
  std::sort(entries.begin(), entries.end());
  for (auto& [key, row] : entries) {
    index.keys.push_back(std::move(key));
    index.rows.push_back(row);
  }
  return index;
}

std::span<const std::uint32_t> HeldRows::equal(std::size_t column, const SqlKey& key) {
  const Index& index = index_of(column);
  const auto [first, last] = std::equal_range(index.keys.begin(), index.keys.end(), key);
  return std::span(index.rows)
      .subspan(static_cast<std::size_t>(first - index.keys.begin()),
               static_cast<std::size_t>(last - first));
}

}  // namespace panicroom
