#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/dump/page_bitmap.h"
#include "core/dump/physical_memory.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// One file of a kdump and where its page descriptors begin.
struct KdumpPart {
  SourcePtr file;
  std::endian order = std::endian::little;
  std::uint64_t descriptors_offset = 0;
};

/// Consecutive page frames whose descriptors lie in one part, or in none that was given.
struct KdumpStretch {
  std::uint64_t first_frame = 0;
  std::uint64_t end_frame = 0;
  std::optional<std::uint32_t> part;  ///< index of the part; nothing for a missing one
  std::uint64_t bits_base = 0;  ///< the frame of `dumped`'s first bit, at or below first_frame
  RankedPageBits dumped;
};

/// The pages of a compressed kdump. Descriptors are read where they lie when a page is asked for.
class KdumpMemory final : public PhysicalMemory {
 public:
  /// `stretches` are in ascending order and without gaps from frame 0. `existing` has a bit for
  /// each frame that is memory; without one, `undumped` says what a page that is not dumped is.
  /// `damaged` says that some dumped pages may lack their bytes, which makes ranges() look at each
  /// descriptor.
  KdumpMemory(std::uint32_t page_size, std::vector<KdumpPart> parts,
              std::vector<KdumpStretch> stretches, std::optional<PageBits> existing,
              Absence undumped, bool damaged);

  std::uint32_t page_size() const override { return page_size_; }
  std::uint64_t end() const override;
  PageLocation locate(std::uint64_t address) const override;
  Bytes view(std::uint64_t address) const override;
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override;
  std::size_t read_cut_page(std::uint64_t address, MutableBytes page) const override;
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override;

  /// True when the last pages that a part describes are whole in it.
  bool ends_whole() const;

 private:
  struct Descriptor {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t flags = 0;
  };
  enum class State : std::uint8_t { whole, truncated, corrupt, unknown_codec };

  /// Calls `each` for the pages whose descriptors begin at `offset`, in order, with how many are in
  /// what state; what lies behind the end of the file is told at once. False when `each` was.
  bool each_state(std::uint32_t part, std::uint64_t offset, std::uint64_t pages,
                  const std::function<bool(std::uint64_t count, State state)>& each) const;
  const KdumpStretch* stretch_of(std::uint64_t frame) const;
  Absence absence_of(std::uint64_t frame) const;
  std::uint64_t descriptor_offset(const KdumpStretch& stretch, std::uint64_t frame) const;
  static std::optional<Descriptor> decode(const std::byte* at, std::endian order);
  std::optional<Descriptor> descriptor_at(std::uint32_t part, std::uint64_t offset) const;
  State state_of(const Descriptor& descriptor, std::uint32_t part, Codec& codec) const;
  Failure bad_descriptor(const PageLocation& location, std::uint64_t address) const;

  std::uint32_t page_size_;
  unsigned page_shift_;
  std::vector<KdumpPart> parts_;
  std::vector<Bytes> mapped_;         // each part whole, empty where it is not mapped
  std::vector<std::uint64_t> sizes_;  // of the parts
  std::vector<KdumpStretch> stretches_;
  std::vector<std::uint64_t> first_ranks_;  // rank of each stretch's first frame
  std::optional<PageBits> existing_;
  Absence undumped_;
  bool damaged_;
};

}  // namespace panicroom
