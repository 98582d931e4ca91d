#include "core/dump/illumos_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::uint32_t magic = 0xdefec8ed;
constexpr std::uint32_t data_magic = 0x64686472;  // 'dhdr'
constexpr std::uint64_t device_unit = 65536;

constexpr std::uint64_t name_length = 257;  // SYS_NMLN
constexpr std::uint64_t names_at = 56, platform_at = 1341, panic_string_at = 1598;
constexpr std::uint64_t words_at = 1800;  // the first long, dump_crashtime
constexpr std::uint64_t uuid_length = 37;
constexpr std::uint64_t first_size = 1800 + 8 * 8;  // of the largest version 9
constexpr std::uint64_t most_read = 2048;

/// A file offset is a signed 64-bit number, of which none is negative.
bool is_offset(std::uint64_t offset) { return offset <= ~std::uint64_t{0} >> 1; }

/// `count` units of `size` bytes from `offset` on end at an offset too.
bool fits(std::uint64_t offset, std::uint64_t count, std::uint64_t size) {
  const auto length = checked_mul(count, size);
  const auto end = length ? checked_add(offset, *length) : std::nullopt;
  return end && is_offset(*end);
}

Result<void> check(const IllumosHeader& header, std::uint64_t page_size, std::uint64_t at) {
  const auto cannot_be = [at](const std::string& text) {
    return fail_at_offset(ErrorCode::corrupt, at, "the dump's header cannot be true: " + text);
  };
  if (page_size != header.page_size())
    return cannot_be(fmt::format("pages of {} bytes, but {} bits of an address within them",
                                 page_size, header.page_shift));
  if (!is_power_of_two(header.hash_mask + 1) || header.hash_mask > 0xffffffff)
    return cannot_be(fmt::format("its hash mask is {:#x}", header.hash_mask));
  const struct {
    std::string_view what;
    std::uint64_t offset, count, size;
  } sections[] = {
      {"symbols", header.ksyms, header.ksyms_stored, 1},
      {"symbols", header.ksyms, header.ksyms_size, 1},
      {"page frame table", header.pfn_table, header.pages, header.word},
      {"translation map", header.map, header.mappings, std::uint64_t{3} * header.word},
      {"translation map", header.map, header.hash_mask + 1, 40},
      {"page data", header.data, header.pages, header.page_size()},
      {"start", header.start, 0, 0},
  };
  for (const auto& section : sections)
    if (!fits(section.offset, section.count, section.size))
      return cannot_be(fmt::format("its {} of {} entries at {:#x} would end outside of any file",
                                   section.what, section.count, section.offset));
  return {};
}

}  // namespace

std::optional<std::endian> illumos_magic(Bytes bytes) {
  if (Reader(bytes, std::endian::little).u32(0) == magic) return std::endian::little;
  if (Reader(bytes, std::endian::big).u32(0) == magic) return std::endian::big;
  return std::nullopt;
}

std::optional<std::uint64_t> illumos_trailer(std::uint64_t file_size) {
  if (file_size < device_unit + device_unit) return std::nullopt;
  return round_down(file_size - device_unit, device_unit);
}

Result<IllumosHeader> read_illumos_header(const ByteSource& file, std::uint64_t offset) {
  const std::uint64_t left = offset < file.size() ? file.size() - offset : 0;
  const std::uint64_t length = std::min(left, most_read);
  PANICROOM_TRY(bytes, read_bytes(file, offset, length, most_read));
  const auto order = illumos_magic(bytes);
  if (!order)
    return fail_at_offset(ErrorCode::corrupt, offset, "no illumos dump header begins here");
  if (length < first_size)
    return fail_at_offset(
        ErrorCode::not_in_dump, offset,
        fmt::format("the file ends within the header of this illumos crash dump: {} of at least {} "
                    "bytes are there",
                    length, first_size));
  const Reader reader(bytes, *order);
  IllumosHeader header;
  header.order = *order;
  header.version = *reader.u32(4);
  if (header.version < 9 || header.version > 11)
    return fail_at_offset(
        ErrorCode::unsupported, offset + 4,
        fmt::format("this is an illumos or Solaris crash dump of version {}; versions 9 to 11 are "
                    "known",
                    header.version));
  header.flags = *reader.u32(8);
  const std::uint32_t bits = *reader.u32(12);
  if (bits != 32 && bits != 64)
    return fail_at_offset(
        ErrorCode::corrupt, offset + 12,
        fmt::format("the dump's header says words of {} bits, not 32 or 64", bits));
  header.word = bits / 8;
  header.start = *reader.u64(16);
  header.ksyms = *reader.u64(24);
  header.pfn_table = *reader.u64(32);
  header.map = *reader.u64(40);
  header.data = *reader.u64(48);
  const std::array<std::string*, 5> names = {&header.sysname, &header.nodename, &header.release,
                                             &header.version_text, &header.machine};
  for (std::size_t i = 0; i < names.size(); ++i)
    *names[i] = reader.text(names_at + i * name_length, name_length);
  header.platform = reader.text(platform_at, name_length);
  header.panic_string = reader.text(panic_string_at, 200);
  const auto word = [&](unsigned index) {
    return *reader.word(words_at + std::uint64_t{index} * header.word, header.word);
  };
  header.crash_time = static_cast<std::int64_t>(sign_extend(word(0), bits));
  const std::uint64_t shift = word(1);
  if (shift < 12 || shift > 16)
    return fail_at_offset(
        ErrorCode::corrupt, offset + words_at + header.word,
        fmt::format("the dump's header says pages of 2^{} bytes, not 4 KiB to 64 KiB", shift));
  header.page_shift = static_cast<unsigned>(shift);
  header.hash_mask = word(3);
  header.mappings = word(4);
  header.pages = word(5);
  header.ksyms_size = word(6);
  header.ksyms_stored = word(7);
  PANICROOM_CHECK(check(header, word(2), offset));
  header.size = words_at + std::uint64_t{8} * header.word;
  if (header.version == 9) return header;

  const std::uint64_t uuid = header.size + 4;
  header.fm_panic = reader.u32(header.size).value_or(0) != 0;
  header.uuid = reader.text(uuid, uuid_length);
  // Of the members that version 11 has behind the UUID only the order is told: the algorithm, then
  // what proves the key and the nonce. All are zero in a dump that is not encrypted.
  const std::uint64_t crypt = uuid + uuid_length;
  header.size = crypt;
  if (header.version == 10) return header;
  header.encrypted = (header.flags & IllumosHeader::encrypted_flag) != 0;
  for (std::uint64_t at = crypt; at < crypt + 8; ++at)
    header.encrypted = header.encrypted || reader.u8(at).value_or(0) != 0;
  return header;
}

Result<std::optional<IllumosDataHeader>> read_illumos_data_header(const ByteSource& file,
                                                                  const IllumosHeader& header,
                                                                  std::uint64_t offset) {
  constexpr std::uint64_t data_header_size = 32;
  const std::uint64_t first = offset + *round_up(header.size, 4);
  // Version 11's own members are no longer than this.
  const std::uint64_t room = header.version == 11 ? 256 : 8;
  const std::uint64_t left = first < file.size() ? file.size() - first : 0;
  const std::uint64_t length = std::min(left, room + data_header_size);
  PANICROOM_TRY(bytes, read_bytes(file, first, length, room + data_header_size));
  const Reader reader(bytes, header.order);
  for (std::uint64_t at = 0; at <= room && at + data_header_size <= length; at += 4) {
    if (*reader.u32(at) != data_magic) continue;
    if (*reader.u32(at + 4) != 1)
      return fail_at_offset(ErrorCode::unsupported, first + at + 4,
                            fmt::format("the dump's data header has version {}; version 1 is known",
                                        *reader.u32(at + 4)));
    IllumosDataHeader data;
    data.data_size = *reader.u64(at + 8);
    data.largest_block = *reader.u32(at + 16);
    data.largest_range = *reader.u32(at + 20);
    data.streams = *reader.u16(at + 24);
    data.level = *reader.u16(at + 26);
    return data;
  }
  return std::optional<IllumosDataHeader>{};
}

}  // namespace panicroom
