#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/io/codec.h"

namespace panicroom {

/// Where the bytes of one physical page are.
struct PageLocation {
  bool present = false;
  /// Why, when not present; `none` then means that the record is damaged: read_page says how.
  Absence absence = Absence::hole;
  Codec codec = Codec::none;
  std::uint32_t stored_size = 0;  ///< bytes in the file; of a page within which it ends (truncated)
                                  ///< those that read_cut_page gives
  std::uint32_t part = 0;         ///< which file of a split set, from 0
  std::uint64_t file_offset = 0;  ///< of the page's first stored byte, within the unwrapped file
  std::uint64_t record_offset =
      0;  ///< of the record that names it (page descriptor, program header, bitmap byte)
  std::string_view record;  ///< what that record is: "page descriptor", "program header", "bitmap"

  /// True when this byte of the page is there though the file ends within the page.
  bool before_cut(std::uint64_t in_page) const { return !present && in_page < stored_size; }
};

/// A run of physical memory in one state. `end` is exclusive.
struct PhysicalRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  bool present = false;
  Absence absence = Absence::none;  ///< why, when not present

  bool operator==(const PhysicalRange&) const = default;
};

/// The physical memory that a dump holds. Immutable once made; every member may be called from
/// several threads at once. Addresses are physical, in bytes.
class PhysicalMemory {
 public:
  virtual ~PhysicalMemory() = default;

  /// The unit in which pages are stored and missing: bytes, a power of two.
  virtual std::uint32_t page_size() const = 0;
  /// The first address after everything that the dump describes.
  virtual std::uint64_t end() const = 0;

  virtual PageLocation locate(std::uint64_t address) const = 0;

  /// A run of plain bytes from `address` that lie in memory as they are (a mapped file and no
  /// compression), as long as is found without a search: at least to the end of the page. Empty
  /// otherwise. Stays valid as long as this object.
  virtual Bytes view(std::uint64_t address) const {
    static_cast<void>(address);
    return {};
  }

  /// The whole page that begins at `address` (a multiple of page_size()) into `page`. Errors:
  /// `not_in_dump` with the reason, `corrupt` when the stored bytes do not decompress.
  virtual Result<void> read_page(std::uint64_t address, MutableBytes page,
                                 PageDecoder& decoder) const = 0;

  /// The leading bytes of the page at `address` (a multiple of page_size()) when it is stored as it
  /// is and the file ends within it; answers how many there are. 0 for every other page;
  /// `read_page` refuses all of them.
  virtual std::size_t read_cut_page(std::uint64_t address, MutableBytes page) const {
    static_cast<void>(address), static_cast<void>(page);
    return 0;
  }

  /// Calls `visit` for each range in ascending order, neighbours of equal state joined, from 0 to
  /// end(); stops when it answers false. Costs time by the number of ranges and bitmap words, not
  /// pages' sizes.
  virtual void ranges(const std::function<bool(const PhysicalRange&)>& visit) const = 0;
};

/// Bytes of the pages that the dump holds: page tables may show one page many times, but no list
/// and no buffer of the kernel's is larger than all of them.
inline std::uint64_t present_bytes(const PhysicalMemory& memory) {
  std::uint64_t present = 0;
  memory.ranges([&present](const PhysicalRange& range) {
    if (range.present) present += range.end - range.start;
    return true;
  });
  return present;
}

}  // namespace panicroom
