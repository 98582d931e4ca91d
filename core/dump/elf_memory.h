#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/dump/elf_headers.h"
#include "core/dump/physical_memory.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// The physical memory of an ELF core, or of another dump whose header lists runs of memory that
/// lie in the file as they are. Segments may overlap (their contents are equal then) and may lie
/// anywhere in the file; a lookup is a binary search over disjoint pieces.
class ElfMemory final : public PhysicalMemory {
 public:
  /// `segments` are those that carry physical memory; `record` is what lists them.
  ElfMemory(SourcePtr file, const std::vector<ElfSegment>& segments,
            std::string_view record = "program header");

  std::uint32_t page_size() const override { return page_size_; }
  std::uint64_t end() const override;
  PageLocation locate(std::uint64_t address) const override;
  Bytes view(std::uint64_t address) const override;
  std::size_t read_cut_page(std::uint64_t address, MutableBytes page) const override;
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override;
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override;

  /// True when every piece lies within the file.
  bool whole() const { return whole_; }

 private:
  /// Physical addresses that one stretch of the file, or none, stands for.
  struct Piece {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t offset = 0;  // in the file; past its end, or within the last page, if truncated
    std::uint64_t header_offset = 0;  // of the program header
    Absence absence = Absence::none;  // not `none`: these bytes are not in the file
  };

  /// The bytes of a page within which the file ends; no length where there are none.
  struct CutPage {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };

  static std::vector<Piece> disjoint(std::vector<Piece> pieces);
  const Piece* piece_of(std::uint64_t address) const;
  CutPage cut_page(std::uint64_t address) const;

  SourcePtr file_;
  Bytes mapped_;
  std::string_view record_;
  std::uint32_t page_size_;
  std::vector<std::uint64_t> starts_;  // of pieces_, for the search
  std::vector<Piece> pieces_;          // ascending, disjoint
  bool whole_ = true;
};

}  // namespace panicroom
