#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/arch/page_table.h"

namespace panicroom::testing {

/// Physical memory that holds table entries and nothing else; unset entries are zero and the pages
/// in `absent` are not in the dump.
class TableWords final : public PhysicalWords {
 public:
  std::map<std::uint64_t, std::uint64_t> entries;
  std::set<std::uint64_t> absent_pages;
  unsigned expected_width = 8;
  unsigned wrong_widths = 0;

  TableWords& set(std::uint64_t address, std::uint64_t value) {
    entries[address] = value;
    return *this;
  }
  Result<std::uint64_t> word(std::uint64_t address, unsigned width) override {
    if (width != expected_width) ++wrong_widths;
    if (absent_pages.contains(address & ~std::uint64_t{0xfff})) {
      return absent(Absence::excluded, address, "left out");
    }
    const auto found = entries.find(address);
    return found == entries.end() ? 0 : found->second;
  }
};

inline std::vector<std::string> meanings(const std::vector<TranslationStep>& steps) {
  std::vector<std::string> out;
  for (const TranslationStep& step : steps)
    out.push_back(std::string(step.table) + ": " + step.meaning);
  return out;
}

}  // namespace panicroom::testing
