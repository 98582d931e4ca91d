// DWARF 5, 2.17 and 7.25 to 7.28; DWARF 4, 2.17.3.
#include "core/types/code_ranges.h"

#include <fmt/format.h>

#include "core/base/arithmetic.h"
#include "core/types/dwarf_cursor.h"

namespace panicroom {

namespace {

constexpr std::size_t kRangesLimit = std::size_t{1} << 16;  // of one entry

enum class Kind : std::uint8_t {
  end = 0,
  base_addressx = 1,
  startx_endx = 2,
  startx_length = 3,
  offset_pair = 4,
  base_address = 5,
  start_end = 6,
  start_length = 7
};

class RangeReader {
 public:
  RangeReader(CodeRangeSections& sections, const DwarfUnits::Unit& unit, std::endian order,
              const DwarfCode& root)
      : sections_(sections), unit_(unit), order_(order), root_(root) {}

  Result<std::uint64_t> address(const DwarfIndexed& indexed) {
    if (!indexed.is_number) return indexed.value;
    LazyBytes& table = sections_.addresses;
    // Behind the header of the table (8 bytes, 16 wide) where the unit does not say it.
    const std::uint64_t header = unit_.offset_size == 8 ? 16 : 8;
    const std::uint64_t base = root_.addresses_base != 0 ? root_.addresses_base
                               : unit_.version >= 5      ? header
                                                         : 0;
    if (indexed.value > table.size() || base > table.size())
      return Failure(corrupt_dwarf(base, "an address's number is not in .debug_addr"));
    DwarfCursor cursor(table, order_, base + indexed.value * unit_.address_size, table.size());
    const std::uint64_t value = cursor.number(unit_.address_size);
    if (cursor.failed()) return Failure(cursor.error().within(".debug_addr"));
    return value;
  }

  Result<void> read(const DwarfCode& entry) {
    if (root_.low) {
      PANICROOM_TRY(low, address(*root_.low));
      base_ = low;
    }
    if (entry.ranges) return unit_.version >= 5 ? list(*entry.ranges) : pairs(*entry.ranges);
    if (!entry.low || !entry.high) return {};
    PANICROOM_TRY(low, address(*entry.low));
    PANICROOM_TRY(high, address(*entry.high));
    add(low, entry.high_is_length ? low + high : high);
    return {};
  }
  std::vector<CodeRange> take() { return std::move(found_); }

 private:
  void add(std::uint64_t begin, std::uint64_t end) {
    if (begin < end) found_.push_back({begin, end});
  }
  static Error too_many(std::uint64_t at) {
    return corrupt_dwarf(at, "a list of ranges has no end");
  }

  Result<void> pairs(const DwarfIndexed& place) {
    LazyBytes& bytes = sections_.ranges;
    DwarfCursor cursor(bytes, order_, place.value, bytes.size());
    const std::uint64_t highest = unit_.address_size >= 8
                                      ? ~std::uint64_t{0}
                                      : (std::uint64_t{1} << 8 * unit_.address_size) - 1;
    for (std::size_t count = 0; count < kRangesLimit; ++count) {
      const std::uint64_t begin = cursor.number(unit_.address_size);
      const std::uint64_t end = cursor.number(unit_.address_size);
      if (cursor.failed()) return Failure(cursor.error().within(".debug_ranges"));
      if (begin == 0 && end == 0) return {};
      if (begin == highest)
        base_ = end;
      else
        add(base_ + begin, base_ + end);
    }
    return Failure(too_many(place.value));
  }

  Result<void> list(const DwarfIndexed& place) {
    LazyBytes& bytes = sections_.lists;
    std::uint64_t at = place.value;
    if (place.is_number) {
      // Behind the header (12 bytes, 20 wide) the places of the lists follow, from there.
      const std::uint64_t header = unit_.offset_size == 8 ? 20 : 12;
      const std::uint64_t base = root_.ranges_base != 0 ? root_.ranges_base : header;
      if (place.value > bytes.size() || base > bytes.size())
        return Failure(corrupt_dwarf(base, "a list's number is not in .debug_rnglists"));
      DwarfCursor places(bytes, order_, base + place.value * unit_.offset_size, bytes.size());
      at = base + places.number(unit_.offset_size);
      if (places.failed()) return Failure(places.error().within(".debug_rnglists"));
    }
    DwarfCursor cursor(bytes, order_, at, bytes.size());
    for (std::size_t count = 0; count < kRangesLimit; ++count) {
      const auto kind = static_cast<Kind>(cursor.number(1));
      if (cursor.failed()) return Failure(cursor.error().within(".debug_rnglists"));
      if (kind == Kind::end) return {};
      PANICROOM_CHECK(one(kind, cursor));
    }
    return Failure(too_many(at));
  }

  Result<void> one(Kind kind, DwarfCursor& cursor) {
    switch (kind) {
      case Kind::base_addressx: {
        PANICROOM_TRY(base, address({cursor.uleb(), true}));
        base_ = base;
        return {};
      }
      case Kind::startx_endx:
      case Kind::startx_length: {
        PANICROOM_TRY(begin, address({cursor.uleb(), true}));
        const std::uint64_t second = cursor.uleb();
        if (kind == Kind::startx_length) {
          add(begin, begin + second);
          return {};
        }
        PANICROOM_TRY(end, address({second, true}));
        add(begin, end);
        return {};
      }
      case Kind::offset_pair: {
        const std::uint64_t begin = cursor.uleb(), end = cursor.uleb();
        add(base_ + begin, base_ + end);
        return {};
      }
      case Kind::base_address:
        base_ = cursor.number(unit_.address_size);
        return {};
      case Kind::start_end:
      case Kind::start_length: {
        const std::uint64_t begin = cursor.number(unit_.address_size);
        const std::uint64_t second =
            kind == Kind::start_end ? cursor.number(unit_.address_size) : begin + cursor.uleb();
        add(begin, second);
        return {};
      }
      default:
        return Failure(corrupt_dwarf(cursor.at(), "a list of ranges has an unknown entry"));
    }
  }

  CodeRangeSections& sections_;
  const DwarfUnits::Unit& unit_;
  std::endian order_;
  const DwarfCode& root_;
  std::uint64_t base_ = 0;
  std::vector<CodeRange> found_;
};

}  // namespace

Result<std::vector<CodeRange>> code_ranges(CodeRangeSections& sections,
                                           const DwarfUnits::Unit& unit, std::endian order,
                                           const DwarfCode& root, const DwarfCode& entry) {
  RangeReader reader(sections, unit, order, root);
  PANICROOM_CHECK(reader.read(entry));
  return reader.take();
}

}  // namespace panicroom
