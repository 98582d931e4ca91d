#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// A range of a kdump file that its sub header names.
struct KdumpExtent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// The headers of a compressed kdump (or its ancestor diskdump) in one file of the set.
struct KdumpHeader {
  bool diskdump = false;  ///< signature "DISKDUMP"
  std::uint32_t version = 0;
  std::uint8_t width = 8;  ///< bytes of the writer's long
  std::endian order = std::endian::little;
  std::uint32_t page_size = 0;  ///< the file's block size and the size of a page
  std::uint32_t status = 0;
  std::int64_t time = 0;  ///< seconds since 1970, 0 where the writer left it out
  std::string release, system_version, nodename, machine;

  std::uint64_t page_frames = 0;  ///< max_mapnr: frames that the bitmaps number
  std::optional<std::int64_t> phys_base;
  std::optional<int> dump_level;
  bool split = false;
  std::uint64_t start_frame = 0;  ///< of a split file, else 0
  std::uint64_t end_frame = 0;    ///< exclusive; page_frames when not split
  KdumpExtent vmcoreinfo, notes, eraseinfo;

  std::uint64_t bitmap_offset = 0;
  std::uint64_t bitmap_size = 0;  ///< bytes of both bitmaps
  bool two_bitmaps = true;        ///< first: memory present; second: pages dumped
  std::uint64_t descriptors_offset = 0;

  bool incomplete() const { return (status & 8) != 0; }
  std::uint64_t dumped_bitmap_offset() const {
    return two_bitmaps ? bitmap_offset + bitmap_size / 2 : bitmap_offset;
  }
};

bool is_kdump_signature(Bytes first_bytes);
/// Errors: `corrupt` when no width and byte order makes sense of it, `not_in_dump` when the file
/// ends within the headers.
Result<KdumpHeader> read_kdump_header(const ByteSource& file);

}  // namespace panicroom
