#include "core/dump/file_regions.h"

#include <algorithm>
#include <map>
#include <utility>

namespace panicroom {

void FileRegions::add(std::uint64_t start, std::uint64_t length, std::string what) {
  if (start >= size_ || length == 0) return;
  const std::uint64_t end = start + std::min(length, size_ - start);
  if (!claims_.empty() && claims_.back().end == start && claims_.back().what == what) {
    claims_.back().end = end;
    return;
  }
  claims_.push_back({start, end, std::move(what), part_});
}

std::vector<FileRegion> FileRegions::finish(const std::string& rest) const {
  // Sweep over the claims' edges; among the claims that hold a byte the first added wins.
  std::vector<std::pair<std::uint64_t, std::size_t>> starts;
  for (std::size_t i = 0; i < claims_.size(); ++i) starts.emplace_back(claims_[i].start, i);
  std::sort(starts.begin(), starts.end());

  std::vector<FileRegion> regions;
  const auto emit = [&](std::uint64_t start, std::uint64_t end, const std::string& what) {
    if (start >= end) return;
    if (!regions.empty() && regions.back().what == what)
      regions.back().end = end;
    else
      regions.push_back({start, end, what, part_});
  };

  std::map<std::size_t, std::uint64_t> open;  // claim -> its end
  std::uint64_t at = 0;
  std::size_t next = 0;
  while (at < size_) {
    while (next < starts.size() && starts[next].first <= at) {
      open.emplace(starts[next].second, claims_[starts[next].second].end);
      ++next;
    }
    while (!open.empty() && open.begin()->second <= at) open.erase(open.begin());
    std::uint64_t end = next < starts.size() ? starts[next].first : size_;
    if (open.empty()) {
      emit(at, end, rest);
    } else {
      end = std::min(end, open.begin()->second);
      emit(at, end, claims_[open.begin()->first].what);
    }
    at = end;
  }
  return regions;
}

}  // namespace panicroom
