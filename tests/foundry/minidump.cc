#include <algorithm>
#include <map>

#include "tests/foundry/containers.h"

// Layout: dump-format facts of FreeBSD's sys/*/include/minidump.h and sys/kern/kern_dump.c.

namespace foundry {
namespace {

std::uint64_t rounded(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Bits in the order of the bitmap: by dump_avail where there is one, else by page number from 0.
struct Numbering {
  bool by_ranges = false;
  std::vector<Range> ranges;
  std::uint64_t page = 4096;

  std::uint64_t bits() const {
    if (!by_ranges) {
      std::uint64_t end = 0;
      for (const Range& range : ranges) end = std::max(end, range.end);
      return rounded(end, page) / page;
    }
    std::uint64_t sum = 0;
    for (const Range& range : ranges) sum += rounded(range.end, page) / page - range.start / page;
    return sum;
  }
  std::uint64_t bit(std::uint64_t physical) const {
    if (!by_ranges) return physical / page;
    std::uint64_t before = 0;
    for (const Range& range : ranges) {
      if (physical >= range.start && physical < range.end)
        return before + physical / page - range.start / page;
      before += rounded(range.end, page) / page - range.start / page;
    }
    return ~0ULL;
  }
};

/// The page map: one entry for each unit of virtual space from kernbase.
Blob page_map(Image& image, const MinidumpOptions& options) {
  Blob map;
  const bool amd64 = image.architecture == "x86_64";
  const bool arm64 = image.architecture == "aarch64";
  const bool directories = amd64 && options.version >= 2;
  const unsigned width = image.architecture == "i386" && image.paging != "pae" ? 4 : 8;
  const std::uint64_t attributes = arm64 ? 0x703 : 0x3;
  std::map<std::uint64_t, std::uint64_t> tables;
  for (const Mapping& mapping : image.mappings) {
    if (mapping.virtual_address < options.kernbase) continue;
    for (std::uint64_t at = 0; at < mapping.size; at += image.page) {
      const std::uint64_t offset = mapping.virtual_address + at - options.kernbase;
      const std::uint64_t physical = mapping.physical + at;
      if (!directories) {
        put(map, static_cast<std::size_t>(offset / image.page * width), physical | attributes,
            width);
        continue;
      }
      const std::uint64_t index = offset >> 21U;
      if (mapping.page == 1U << 21U) {
        put(map, static_cast<std::size_t>(index * 8), (physical & ~0x1fffffULL) | 0x83U, 8);
        continue;
      }
      auto [table, added] = tables.try_emplace(index, 0);
      if (added) {
        table->second = image.take_table(4096);
        put(map, static_cast<std::size_t>(index * 8), table->second | 0x3U, 8);
      }
      image.write(table->second + ((offset >> 12U) & 511U) * 8, physical | 0x3U, 8);
    }
  }
  return map;
}

}  // namespace

Blob minidump(Image& image, const MinidumpOptions& options) {
  const bool i386 = image.architecture == "i386";
  const bool arm64 = image.architecture == "aarch64";
  const std::string name = i386 ? "i386" : arm64 ? "arm64" : "amd64";
  const bool has_avail = options.version >= (name == "amd64" ? 3U : 2U);
  const Blob map = page_map(image, options);

  Blob avail;
  if (has_avail) {
    const unsigned word = i386 ? options.avail_word : 8;
    for (const Range& range : image.ram)
      append(avail, range.start, word), append(avail, range.end, word);
    append(avail, 0, word), append(avail, 0, word);
  }
  const Numbering numbering{has_avail, image.ram, image.page};
  Blob bitmap(static_cast<std::size_t>(rounded((numbering.bits() + 7) / 8, image.page)));
  std::map<std::uint64_t, std::uint64_t> dumped;  // bit -> page
  for (const Range& range : image.ram)
    for (std::uint64_t at = range.start / image.page * image.page; at < range.end; at += image.page)
      if (!image.excluded.contains(at))
        dumped[numbering.bit(at < range.start ? range.start : at)] = at;
  for (const auto& [bit, at] : dumped)
    bitmap[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(1U << (bit % 8));

  Blob out;
  append(out, "minidump FreeBSD/" + name);
  out.resize(24);
  append(out, options.version, 4);
  append(out, options.message_buffer.size(), 4);
  append(out, bitmap.size(), 4);
  append(out, map.size(), 4);
  if (i386) {
    append(out, options.kernbase, 4);
    append(out, image.paging == "pae" ? 1 : 0, 4);
    append(out, avail.size(), 4);
  } else {
    append(out, options.kernbase, 8);
    if (arm64) append(out, options.dmapphys, 8);
    append(out, options.dmapbase, 8);
    append(out, options.dmapend, 8);
    append(out, avail.size(), 4);
    if (arm64 && options.version >= 3) append(out, image.page == 16384 ? 1 : 0, 4);
  }
  const auto page = static_cast<std::size_t>(image.page);
  const auto region = [&](const Blob& bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    pad_to(out, page);
  };
  pad_to(out, page);
  region({options.message_buffer.begin(), options.message_buffer.end()});
  region(avail);
  region(bitmap);
  region(map);
  for (const auto& [bit, at] : dumped) region(image.page_bytes(at));
  return out;
}

}  // namespace foundry
