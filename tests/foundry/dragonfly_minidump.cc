#include <algorithm>
#include <map>
#include <utility>

#include "tests/foundry/containers.h"

// Layout: format facts of DragonFly's sys/platform/pc64/include/minidump.h (minidumphdr2) and
// sys/platform/pc64/x86_64/minidump_machdep.c.

namespace foundry {
namespace {

constexpr std::uint64_t map_entries = 512 * 512;  // of 1 GiB each

/// The tables of the kernel's part of the address space: page directories and page tables are taken
/// from the image, the entries above them are the map.
class PageMap {
 public:
  PageMap(Image& image, const MinidumpOptions& options) : image_(image) {
    map_.resize(map_entries * 8);
    for (const Mapping& mapping : image.mappings) {
      const bool direct =
          mapping.virtual_address >= options.dmapbase && mapping.virtual_address < options.dmapend;
      if (direct || mapping.virtual_address < options.kernbase) continue;
      for (std::uint64_t at = 0; at < mapping.size; at += mapping.page)
        add(mapping.virtual_address + at, mapping.physical + at, mapping.page);
    }
  }
  const Blob& bytes() const { return map_; }

 private:
  void add(std::uint64_t address, std::uint64_t physical, std::uint64_t page) {
    const std::uint64_t gib = (address >> 30U) % map_entries;
    if (page == 1ULL << 30U) {
      put(map_, static_cast<std::size_t>(gib * 8), physical | 0x83U, 8);
      return;
    }
    const std::uint64_t directory = table_at(gib);
    put(map_, static_cast<std::size_t>(gib * 8), directory | 0x3U, 8);
    const std::uint64_t entry = directory + ((address >> 21U) & 511U) * 8;
    if (page == 1ULL << 21U) {
      image_.write(entry, physical | 0x83U, 8);
      return;
    }
    const std::uint64_t table = table_at(map_entries + (address >> 21U));
    image_.write(entry, table | 0x3U, 8);
    image_.write(table + ((address >> 12U) & 511U) * 8, physical | 0x3U, 8);
  }
  std::uint64_t table_at(std::uint64_t key) {
    auto [table, added] = tables_.try_emplace(key, 0);
    if (added) table->second = image_.take_table(4096);
    return table->second;
  }

  Image& image_;
  Blob map_;
  std::map<std::uint64_t, std::uint64_t> tables_;
};

}  // namespace

Blob dragonfly_minidump(Image& image, const MinidumpOptions& options) {
  const PageMap map(image, options);
  constexpr std::uint64_t page = 4096;
  std::uint64_t end = 0;
  for (const Range& range : image.ram) end = std::max(end, range.end);
  // Words of 64 bits.
  Blob bitmap(static_cast<std::size_t>((end / page + 63) / 64 * 8));
  std::vector<std::uint64_t> dumped;
  for (std::uint64_t at = 0; at < end; at += page) {
    if (!image.has(at) || image.excluded.contains(at)) continue;
    dumped.push_back(at);
    bitmap[static_cast<std::size_t>(at / page / 8)] |=
        static_cast<std::uint8_t>(1U << (at / page % 8));
  }

  Blob out;
  append(out, "minidump DFlyBSD/x86-64");
  out.resize(24);
  append(out, options.version, 4);
  append(out, 0, 4);
  append(out, options.message_buffer.size(), 8);
  append(out, bitmap.size(), 8);
  append(out, map.bytes().size(), 8);
  append(out, options.kernbase, 8);
  append(out, options.dmapbase, 8);
  append(out, options.dmapend, 8);
  pad_to(out, page);
  append(out, options.message_buffer);
  pad_to(out, page);
  for (const Blob* region : {&std::as_const(bitmap), &map.bytes()}) {
    out.insert(out.end(), region->begin(), region->end());
    pad_to(out, page);
  }
  for (const std::uint64_t at : dumped) {
    const Blob bytes = image.page_bytes(at);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace foundry
