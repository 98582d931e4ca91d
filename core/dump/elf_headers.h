#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

inline constexpr std::uint32_t elf_pt_load = 1;
inline constexpr std::uint32_t elf_pt_note = 4;

/// A program header, widened to 64 bits.
struct ElfSegment {
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t virtual_address = 0;
  std::uint64_t physical_address = 0;
  std::uint64_t file_size = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t header_offset = 0;  ///< of this program header in the file
};

/// What an ELF core's headers say. Section headers are not looked at, but for the count of
/// segments.
struct ElfCoreHeaders {
  std::uint8_t width = 8;  ///< bytes of an address, 4 or 8
  std::endian order = std::endian::little;
  std::uint16_t machine = 0;
  std::uint64_t headers_size = 0;  ///< of the ELF header
  std::uint64_t segments_offset = 0;
  std::uint64_t segment_size = 0;  ///< of one program header in the file
  std::uint64_t segment_count =
      0;  ///< as the header says; fewer are in `segments` when the file ends early
  std::uint64_t section_headers_offset = 0;
  std::uint64_t section_headers_size = 0;
  std::vector<ElfSegment> segments;
};

/// Reads the headers of an ELF core leniently: real ones have e_version 0, an e_ehsize of 8 or
/// their section headers in front. Errors: `corrupt` when they cannot be followed, `not_in_dump`
/// when the file ends within the ELF header.
Result<ElfCoreHeaders> read_elf_core_headers(const ByteSource& file);

}  // namespace panicroom
