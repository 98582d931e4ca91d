#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/dump/formats.h"

// What must hold of any bytes that open as a dump, whatever they say. Aborts where it does not.

namespace panicroom::fuzzing {

inline void require(bool holds) {
  if (!holds) std::abort();
}

/// The same bytes without a view, as a browser has them.
class Unmapped final : public ByteSource {
 public:
  explicit Unmapped(SourcePtr inner) : inner_(std::move(inner)) {}
  const std::string& name() const override { return inner_->name(); }
  std::uint64_t size() const override { return inner_->size(); }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    return inner_->read(offset, out);
  }

 private:
  SourcePtr inner_;
};

inline void check_regions(const Dump& dump, const std::vector<SourcePtr>& files) {
  std::vector<std::uint64_t> at(files.size(), 0);
  for (const FileRegion& region : dump.regions) {
    require(region.part < at.size());
    require(region.start == at[region.part] && region.start < region.end);
    at[region.part] = region.end;
  }
}

/// Reads pages at the edges of ranges: presence, place and bytes must agree, mapped or not.
inline void check_pages(const Dump& dump, const Dump& unmapped) {
  const PhysicalMemory& memory = *dump.memory;
  const std::uint64_t unit = memory.page_size();
  PageDecoder decoder;
  std::vector<std::byte> page(static_cast<std::size_t>(unit));
  std::vector<std::byte> other(static_cast<std::size_t>(unit));
  std::uint64_t at = 0;
  int left = 64;
  memory.ranges([&](const PhysicalRange& range) {
    require(range.start == at && range.start < range.end);
    at = range.end;
    for (const std::uint64_t address : {range.start, range.end - 1}) {
      const std::uint64_t start = address & ~(unit - 1);
      const PageLocation location = memory.locate(address);
      require(!location.present || location.absence == Absence::none);
      const bool read = memory.read_page(start, page, decoder).has_value();
      require(read == unmapped.memory->read_page(start, other, decoder).has_value());
      require(!read || page == other);
      const std::size_t cut = memory.read_cut_page(start, other);
      require(cut == 0 || (!read && location.absence == Absence::truncated && cut < unit));
      const Bytes view = memory.view(address);
      require(view.empty() || (read && view[0] == page[static_cast<std::size_t>(address - start)]));
    }
    return --left > 0;
  });
  require(left == 0 || at == memory.end());
}

inline void check_dump(const std::uint8_t* data, std::size_t size, int copies) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const SourcePtr file = memory_source("fuzz", std::vector<std::byte>(bytes, bytes + size));
  const std::vector<SourcePtr> files(static_cast<std::size_t>(copies), file);
  const std::vector<SourcePtr> hidden(files.size(), std::make_shared<Unmapped>(file));
  const auto dump = open_dump(files);
  const auto unmapped = open_dump(hidden);
  require(dump.has_value() == unmapped.has_value());
  const auto kind = classify(*file);
  require(!dump || (kind && *kind == FileKind::dump));
  if (!dump) {
    require(!dump.error().text.empty());
    return;
  }
  require(dump->memory != nullptr);
  check_regions(*dump, files);
  check_pages(*dump, *unmapped);
}

}  // namespace panicroom::fuzzing
