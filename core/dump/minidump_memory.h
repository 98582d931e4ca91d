#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/dump/dump.h"
#include "core/dump/page_bitmap.h"
#include "core/dump/physical_memory.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// Page frames whose bits follow each other in a minidump's bitmap.
struct NumberedRange {
  std::uint64_t first_frame = 0;
  std::uint64_t end_frame = 0;
  std::uint64_t first_bit = 0;
};

/// Where a minidump's parts begin, in bytes.
struct MinidumpPlaces {
  std::uint32_t page_size = 4096;
  std::uint64_t bitmap = 0;
  std::uint64_t data = 0;
};

/// The last set bit.
std::optional<std::uint64_t> last_set(const PageBits& bits);

/// The pages of a minidump: they follow each other in the order of their bits.
class MinidumpMemory final : public PhysicalMemory {
 public:
  /// `ranges` ascend by frame; what lies between them is no memory.
  MinidumpMemory(SourcePtr file, const MinidumpPlaces& places, std::vector<NumberedRange> ranges,
                 RankedPageBits dumped);

  std::uint32_t page_size() const override { return places_.page_size; }
  std::uint64_t end() const override;
  PageLocation locate(std::uint64_t address) const override;
  Bytes view(std::uint64_t address) const override;
  std::size_t read_cut_page(std::uint64_t address, MutableBytes page) const override;
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override;
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override;

  /// How many pages the file has room for.
  std::uint64_t pages_in_file() const { return pages_in_file_; }

 private:
  /// The range that numbers `frame`, or null.
  const NumberedRange* range_of(std::uint64_t frame) const;

  SourcePtr file_;
  Bytes mapped_;
  MinidumpPlaces places_;
  unsigned page_shift_;
  std::uint64_t pages_in_file_;
  std::vector<NumberedRange> ranges_;
  RankedPageBits dumped_;
};

/// Gives `dump` the pages of the bitmap at `places`, with remarks about those that the file lacks.
/// `gaps_are_holes`: the ranges say where memory is; otherwise it ends with the last page that was
/// dumped. Answers how many pages were dumped.
Result<std::uint64_t> add_dumped_pages(const SourcePtr& file, const MinidumpPlaces& places,
                                       std::vector<NumberedRange> ranges, bool gaps_are_holes,
                                       Dump& dump);

}  // namespace panicroom
