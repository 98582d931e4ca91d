#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/arch/page_table.h"
#include "core/base/error.h"
#include "core/io/byte_source.h"
#include "core/memory/address_space.h"
#include "core/symbols/elf_segments.h"

namespace panicroom {

/// How many samples of a kernel file's code were found, contradicted or could not be read.
struct ImageMatch {
  std::size_t same = 0, other = 0, absent = 0;
  /// Kernels change their code as they start (alternatives, relocations of modules): a quarter that
  /// is the same is no coincidence.
  bool holds() const { return same >= 4 && same * 4 >= same + other; }
  /// Nothing says so, nothing contradicts.
  bool unknown() const { return same == 0 && other == 0; }
};

/// The image of a kernel as its file has it: where its parts lie, and pieces of the parts that are
/// not written by which it is recognised in memory.
class KernelImage {
 public:
  static constexpr std::size_t sample_size = 32;
  struct Sample {
    std::uint64_t address = 0;  ///< virtual, a multiple of its size
    std::array<std::byte, sample_size> bytes{};
  };

  /// Errors: those of read_elf_segments. A file without bytes to recognise has no samples.
  static Result<KernelImage> read(const ByteSource& file);

  std::span<const Sample> samples() const { return samples_; }
  /// The physical address that a virtual one was linked to be loaded at. Nothing outside of the
  /// image.
  std::optional<std::uint64_t> linked_at(std::uint64_t address) const;
  /// Whether the image lies `shift` above where it was linked to be loaded (it wraps).
  ImageMatch match_physical(PhysicalReader& memory, std::uint64_t shift) const;
  /// Whether it lies where `table` maps it.
  ImageMatch match_virtual(PhysicalReader& memory, const PageTable& table) const;

 private:
  std::vector<LoadedSegment> segments_;
  std::vector<Sample> samples_;
};

}  // namespace panicroom
