#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace panicroom {

/// Names and what they stand for; of equal names the first counts. They are sorted by their hash,
/// not put in buckets, so that no choice of names makes this slow. The names' bytes outlive it.
template <class Value>
class NameIndex {
 public:
  void add(std::string_view name, Value value) {
    entries_.push_back({std::hash<std::string_view>{}(name), name, added_++, value});
  }

  /// Null when there is no such name. Sorts what was added since the last time.
  const Value* find(std::string_view name) {
    sort();
    const Entry wanted{std::hash<std::string_view>{}(name), name, 0, {}};
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), wanted, before);
    return found == entries_.end() || found->name != name ? nullptr : &found->value;
  }
  /// Forgets all but the first of equal names; marks become invalid.
  void compact() { sort(); }
  /// A mark for `find_since`; `find` makes it invalid.
  std::size_t mark() const { return entries_.size(); }
  /// Among the names added since `mark`, without sorting them.
  const Value* find_since(std::size_t mark, std::string_view name) const {
    for (std::size_t i = mark; i < entries_.size(); ++i)
      if (entries_[i].name == name) return &entries_[i].value;
    return nullptr;
  }

 private:
  struct Entry {
    std::size_t hash;
    std::string_view name;
    std::uint32_t number;  // in the order of adding
    Value value;
  };
  static bool before(const Entry& a, const Entry& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return std::tie(a.name, a.number) < std::tie(b.name, b.number);
  }

  void sort() {
    if (sorted_ == entries_.size()) return;
    const auto middle = entries_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    std::sort(middle, entries_.end(), before);
    std::vector<Entry> all;
    all.reserve(entries_.size());
    std::merge(entries_.begin(), middle, middle, entries_.end(), std::back_inserter(all), before);
    const auto same = [](const Entry& a, const Entry& b) {
      return a.hash == b.hash && a.name == b.name;
    };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    entries_ = std::move(all);
    sorted_ = entries_.size();
  }

  std::vector<Entry> entries_;
  std::uint32_t added_ = 0;
  std::size_t sorted_ = 0;  // entries at the front that are in order, each name once
};

}  // namespace panicroom
