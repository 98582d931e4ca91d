#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/sql/sql_value.h"

namespace panicroom {

/// Spreads each bit of `value` over all (the finalizer of SplitMix64).
constexpr std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// Rows of a table with some of its columns, and how many bytes they take.
class HeldRows {
 public:
  /// `columns`: a bit for each column that is kept, as in Query.
  explicit HeldRows(std::uint64_t columns, std::size_t table_columns);

  std::uint64_t columns() const { return columns_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }
  void add(std::span<const Value> row);
  /// Of what a row's cells in those of `columns` are, which are all kept.
  std::uint64_t hash(std::size_t row, std::uint64_t columns) const;
  const Value& at(std::size_t row, std::size_t column) const;

  /// The rows, in their order, whose cell of a kept column equals `key`. The first question about a
  /// column sorts its cells.
  std::span<const std::uint32_t> equal(std::size_t column, const SqlKey& key);

 private:
  struct Index {
    std::vector<SqlKey> keys;  // ascending, one for each place
    std::vector<std::uint32_t> rows;
  };
  const Index& index_of(std::size_t column);

  std::uint64_t columns_;
  std::vector<std::size_t> kept_;    // columns of the table
  std::vector<std::size_t> places_;  // of each of its columns among those kept
  std::vector<Value> cells_;
  std::size_t size_ = 0, bytes_ = 0;
  std::map<std::size_t, Index> indexes_;
};

}  // namespace panicroom
