#include <fmt/format.h>

#include <map>
#include <stdexcept>

#include "tests/foundry/image.h"

// Bit layouts: Intel SDM volume 3A, chapter 4 (paging); Arm ARM D8 (VMSAv8-64 descriptors).

namespace foundry {
namespace {

struct Level {
  unsigned shift = 0;
  unsigned bits = 0;
};

struct Mode {
  std::vector<Level> levels;  ///< top first
  unsigned entry = 8;
  bool arm = false;
};

Mode mode_of(const std::string& paging) {
  if (paging == "two_level") return {{{22, 10}, {12, 10}}, 4, false};
  if (paging == "pae" || paging == "pae_directories")
    return {{{30, 2}, {21, 9}, {12, 9}}, 8, false};
  if (paging == "four_level") return {{{39, 9}, {30, 9}, {21, 9}, {12, 9}}, 8, false};
  if (paging == "five_level") return {{{48, 9}, {39, 9}, {30, 9}, {21, 9}, {12, 9}}, 8, false};
  if (paging == "4k") return {{{39, 9}, {30, 9}, {21, 9}, {12, 9}}, 8, true};
  if (paging == "4k39") return {{{30, 9}, {21, 9}, {12, 9}}, 8, true};
  if (paging == "16k") return {{{47, 1}, {36, 11}, {25, 11}, {14, 11}}, 8, true};
  if (paging == "64k") return {{{42, 6}, {29, 13}, {16, 13}}, 8, true};
  throw std::runtime_error("unknown paging " + paging);
}

class Builder {
 public:
  Builder(Image& image, Mode mode) : image_(image), mode_(std::move(mode)) {
    image_.root = image_.take_table(table_size(0));
    // NetBSD keeps the four directories side by side, whether they map anything or not.
    if (image.paging != "pae_directories") return;
    for (std::uint64_t index = 0; index < 4; ++index) {
      const std::uint64_t entry = image_.root + index * mode_.entry;
      const std::uint64_t directory = image_.take_table(table_size(1));
      tables_[{0, entry}] = directory;
      image_.write(entry, pointer(directory, 0), mode_.entry);
    }
  }

  void map(std::uint64_t virtual_address, std::uint64_t physical, std::uint64_t page) {
    std::uint64_t table = image_.root;
    for (std::size_t level = 0;; ++level) {
      const Level& at = mode_.levels[level];
      const std::uint64_t index = (virtual_address >> at.shift) & ((1ULL << at.bits) - 1);
      const std::uint64_t entry = table + index * mode_.entry;
      if (page == 1ULL << at.shift) {
        image_.write(entry, leaf(physical, level), mode_.entry);
        return;
      }
      if (level + 1 == mode_.levels.size())
        throw std::runtime_error(fmt::format("no level has pages of {:#x}", page));
      auto [below, added] = tables_.try_emplace({level, entry}, 0);
      if (added) {
        below->second = image_.take_table(table_size(level + 1));
        image_.write(entry, pointer(below->second, level), mode_.entry);
      }
      table = below->second;
    }
  }

 private:
  // A table smaller than a page (PAE's four entries) still starts a page of its own here.
  std::uint64_t table_size(std::size_t level) const {
    const std::uint64_t bytes = (1ULL << mode_.levels[level].bits) * mode_.entry;
    return bytes < image_.page ? image_.page : bytes;
  }
  std::uint64_t leaf(std::uint64_t physical, std::size_t level) const {
    const bool last = level + 1 == mode_.levels.size();
    if (mode_.arm)
      return physical | 0x700U | (last ? 3U : 1U);  // AF, inner shareable; page or block
    return physical | 0x3U | (last ? 0U : 0x80U);   // present, writable; PS
  }
  std::uint64_t pointer(std::uint64_t table, std::size_t level) const {
    if (mode_.arm) return table | 3U;
    const bool pae_top = mode_.levels.size() == 3 && level == 0;
    return table | (pae_top ? 0x1U : 0x3U);
  }

  Image& image_;
  Mode mode_;
  std::map<std::pair<std::size_t, std::uint64_t>, std::uint64_t> tables_;
};

}  // namespace

void build_page_tables(Image& image) {
  Builder builder(image, mode_of(image.paging));
  for (const Mapping& mapping : image.mappings)
    for (std::uint64_t at = 0; at < mapping.size; at += mapping.page)
      builder.map(mapping.virtual_address + at, mapping.physical + at, mapping.page);
}

}  // namespace foundry
