#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

// Sources: illumos-gate usr/src/uts/common/sys/dumphdr.h (version 10) and usr/src/cmd/savecore;
// OpenSolaris's of 2007 (version 9); Joyent's RFD on encrypted dumps (version 11). Read as facts.

/// struct dumphdr. Offsets are bytes in the file; which are valid together is for the reader of
/// the sections to find out.
struct IllumosHeader {
  std::endian order = std::endian::little;
  unsigned word = 8;  ///< bytes of a long and of a pointer: 4 or 8
  std::uint32_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t start = 0;  ///< where the dump begins on its device
  std::uint64_t ksyms = 0, pfn_table = 0, map = 0, data = 0;
  std::string sysname, nodename, release, version_text, machine, platform, panic_string, uuid;
  std::int64_t crash_time = 0;
  unsigned page_shift = 12;
  std::uint64_t hash_mask = 0;  ///< one less than the number of hash buckets, a power of two
  std::uint64_t mappings = 0;   ///< entries of the raw map
  std::uint64_t pages = 0;
  std::uint64_t ksyms_size = 0, ksyms_stored = 0;  ///< decompressed and in the file
  bool fm_panic = false;
  bool encrypted = false;
  std::uint64_t size = 0;  ///< of the header, as sizeof says of this version, word and alignment

  std::uint32_t page_size() const { return std::uint32_t{1} << page_shift; }

  static constexpr std::uint32_t valid_flag = 0x1, complete_flag = 0x2, live_flag = 0x4,
                                 compressed_flag = 0x8, encrypted_flag = 0x10,
                                 kernel_flag = 0x10000, all_flag = 0x20000,
                                 current_process_flag = 0x40000;
};

/// struct dumpdatahdr, which follows the header at the end of a compressed dump.
struct IllumosDataHeader {
  std::uint64_t data_size = 0;      ///< bytes of all records; 0 where it is not known
  std::uint32_t largest_block = 0;  ///< bytes
  std::uint32_t largest_range = 0;  ///< pages behind one header of a stream
  std::uint32_t streams = 0;        ///< none: single pages
  std::uint32_t level = 0;          ///< 0 and 1 lzjb, 2 bzip2
};

/// Whether 4 bytes are the header's magic number, and their order.
std::optional<std::endian> illumos_magic(Bytes bytes);

/// Where the header at the end of a dump device or of vmdump.N lies; nothing in a file that is too
/// small for one.
std::optional<std::uint64_t> illumos_trailer(std::uint64_t file_size);

/// Reads and checks the header at `offset`. Errors: `unsupported` for another version, `corrupt`
/// when it cannot be true, `not_in_dump` when the file ends within it.
Result<IllumosHeader> read_illumos_header(const ByteSource& file, std::uint64_t offset);

/// The data header behind a header at `offset`; nothing where there is none (older systems) or the
/// file ends. Where it lies depends on the size of a header whose last members are not documented
/// (version 11), so that its magic number is looked for.
Result<std::optional<IllumosDataHeader>> read_illumos_data_header(const ByteSource& file,
                                                                  const IllumosHeader& header,
                                                                  std::uint64_t offset);

}  // namespace panicroom
