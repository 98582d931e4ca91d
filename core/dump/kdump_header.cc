#include "core/dump/kdump_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"

// Sources: makedumpfile diskdump_mod.h and crash diskdump.h (struct disk_dump_header, struct
// kdump_sub_header), read as facts.

namespace panicroom {
namespace {

constexpr std::uint64_t header_size = 464;
constexpr std::uint32_t min_page_size = 4096;
constexpr std::uint32_t max_page_size = 256 * 1024;
constexpr std::uint32_t newest_version = 6;
constexpr std::uint64_t most_physical_memory = std::uint64_t{1} << 52;  // x86_64, AArch64

struct Widths {
  std::uint64_t time, status, block_size, sub_blocks, bitmap_blocks, page_frames;
};
constexpr Widths layout64 = {408, 424, 428, 432, 436, 440};
constexpr Widths layout32 = {404, 412, 416, 420, 424, 428};

struct SubHeaderLayout {
  std::uint64_t start_frame, end_frame;        // of a long's width
  std::uint64_t vmcoreinfo, notes, eraseinfo;  // u64 offset, then a long size
  std::uint64_t start_frame_64, end_frame_64, page_frames_64;
  std::uint64_t size;
};
constexpr SubHeaderLayout sub_header64 = {16, 24, 32, 48, 64, 80, 88, 96, 104};
// i386 aligns 64-bit fields to 4 bytes, every other 32-bit architecture to 8.
constexpr SubHeaderLayout sub_header_packed32 = {12, 16, 20, 32, 44, 56, 64, 72, 80};
constexpr SubHeaderLayout sub_header_padded32 = {12, 16, 24, 40, 56, 72, 80, 88, 96};

/// Reads the header as one width and order; false when the numbers cannot be a header's.
bool read_as(const Reader& reader, const Widths& at, KdumpHeader& header) {
  const std::uint32_t version = *reader.u32(8);
  const std::uint32_t block_size = *reader.u32(at.block_size);
  const std::uint64_t sub_blocks = *reader.u32(at.sub_blocks);
  const std::uint64_t bitmap_blocks = *reader.u32(at.bitmap_blocks);
  if (version > 0xff) return false;
  if (!is_power_of_two(block_size) || block_size < min_page_size || block_size > max_page_size)
    return false;
  if (sub_blocks == 0 || sub_blocks > 0xffff || bitmap_blocks == 0 || bitmap_blocks > 0x7fffffff)
    return false;
  header.version = version;
  header.order = reader.order();
  header.page_size = block_size;
  header.status = *reader.u32(at.status);
  header.bitmap_offset = (1 + sub_blocks) * block_size;
  header.bitmap_size = bitmap_blocks * block_size;
  header.descriptors_offset = header.bitmap_offset + header.bitmap_size;
  header.page_frames = *reader.u32(at.page_frames);
  header.time = header.width == 8 ? *reader.i64(at.time) : *reader.i32(at.time);
  return true;
}

void read_utsname(const Reader& reader, KdumpHeader& header) {
  constexpr std::uint64_t begin = 12;
  constexpr std::uint64_t length = 65;
  header.nodename = std::string(reader.text(begin + length, length));
  header.release = std::string(reader.text(begin + 2 * length, length));
  header.system_version = std::string(reader.text(begin + 3 * length, length));
  header.machine = std::string(reader.text(begin + 4 * length, length));
}

bool plausible(const KdumpExtent& extent, const ByteSource& file, const KdumpHeader& header) {
  if (extent.offset == 0 && extent.size == 0) return true;
  return extent.offset >= header.page_size && contains(file.size(), extent.offset, extent.size);
}

KdumpExtent extent_at(const Reader& reader, std::uint64_t offset, unsigned width) {
  return {reader.u64(offset).value_or(0), reader.word(offset + 8, width).value_or(0)};
}

void read_sub_header(const Reader& reader, const SubHeaderLayout& at, KdumpHeader& header) {
  const unsigned width = header.width;
  const std::uint64_t phys_base = reader.word(0, width).value_or(0);
  header.phys_base = static_cast<std::int64_t>(sign_extend(phys_base, width * 8));
  header.dump_level = reader.i32(width).value_or(0);
  if (header.version >= 2) {
    header.split = reader.u32(width + 4).value_or(0) != 0;
    header.start_frame = reader.word(at.start_frame, width).value_or(0);
    header.end_frame = reader.word(at.end_frame, width).value_or(0);
  }
  if (header.version >= 3) header.vmcoreinfo = extent_at(reader, at.vmcoreinfo, width);
  if (header.version >= 4) header.notes = extent_at(reader, at.notes, width);
  if (header.version >= 5) header.eraseinfo = extent_at(reader, at.eraseinfo, width);
  if (header.version >= 6) {
    header.start_frame = reader.u64(at.start_frame_64).value_or(0);
    header.end_frame = reader.u64(at.end_frame_64).value_or(0);
    header.page_frames = reader.u64(at.page_frames_64).value_or(header.page_frames);
  }
}

Result<void> read_sub_header(const ByteSource& file, KdumpHeader& header) {
  PANICROOM_TRY(bytes, read_bytes(file, header.page_size, 104, 104));
  const Reader reader(bytes, header.order);
  if (header.width == 8) {
    read_sub_header(reader, sub_header64, header);
    return {};
  }
  const bool i386 =
      header.machine.size() == 4 && header.machine[0] == 'i' && header.machine.ends_with("86");
  const std::array<const SubHeaderLayout*, 2> candidates =
      i386 || header.machine.empty() ? std::array{&sub_header_packed32, &sub_header_padded32}
                                     : std::array{&sub_header_padded32, &sub_header_packed32};
  // The machine's name decides; the other layout is taken only where the first one is absurd.
  for (const SubHeaderLayout* candidate : candidates) {
    KdumpHeader attempt = header;
    read_sub_header(reader, *candidate, attempt);
    const std::uint64_t bits = header.bitmap_size * 8;
    const bool sane = plausible(attempt.vmcoreinfo, file, header) &&
                      plausible(attempt.notes, file, header) &&
                      plausible(attempt.eraseinfo, file, header) && attempt.page_frames <= bits;
    if (!sane && candidate == candidates[0]) continue;
    if (!sane) read_sub_header(reader, *candidates[0], attempt);
    header = std::move(attempt);
    break;
  }
  return {};
}

}  // namespace

bool is_kdump_signature(Bytes first_bytes) {
  const std::string_view text = Reader(first_bytes, std::endian::little).text(0, 8);
  return text == "KDUMP   " || text == "DISKDUMP";
}

Result<KdumpHeader> read_kdump_header(const ByteSource& file) {
  PANICROOM_TRY(bytes, read_bytes(file, 0, header_size, header_size));
  KdumpHeader header;
  header.diskdump = Reader(bytes, std::endian::little).text(0, 8) == "DISKDUMP";
  bool known = false;
  for (const std::uint8_t width : {std::uint8_t{8}, std::uint8_t{4}}) {
    for (const std::endian order : {std::endian::little, std::endian::big}) {
      if (known) continue;
      header.width = width;
      known = read_as(Reader(bytes, order), width == 8 ? layout64 : layout32, header);
    }
  }
  if (!known)
    return fail_at_offset(
        ErrorCode::corrupt, 8,
        "the kdump header makes no sense in 32 or 64 bits and either byte order: expected a block "
        "size of 4096 to 262144 and counts of sub header and bitmap blocks");
  read_utsname(Reader(bytes, header.order), header);
  if (!header.diskdump) PANICROOM_CHECK(read_sub_header(file, header));

  if (!header.diskdump && header.version > newest_version + 10)
    return fail_at_offset(
        ErrorCode::unsupported, 8,
        fmt::format("kdump header version {} is newer than {}", header.version, newest_version));
  const std::uint64_t bits = header.bitmap_size * 8;
  if (header.page_frames > most_physical_memory / header.page_size)
    return fail(ErrorCode::corrupt,
                fmt::format("the header numbers {:#x} page frames, more than physical addresses of "
                            "52 bits reach",
                            header.page_frames));
  if (header.page_frames > bits)
    return fail_at_offset(
        ErrorCode::corrupt, header.page_size,
        fmt::format("the kdump header numbers {} page frames, but its bitmaps have room for {}",
                    header.page_frames, bits));
  header.two_bitmaps = header.page_frames <= bits / 2;
  if (!header.split) {
    header.start_frame = 0;
    header.end_frame = header.page_frames;
  } else if (header.start_frame > header.end_frame || header.start_frame > header.page_frames) {
    return fail_at_offset(ErrorCode::corrupt, header.page_size,
                          fmt::format("the split file claims page frames {:#x} to {:#x} of {:#x}",
                                      header.start_frame, header.end_frame, header.page_frames));
  }
  header.end_frame = std::min(header.end_frame, header.page_frames);
  return header;
}

}  // namespace panicroom
