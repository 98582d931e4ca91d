// Offsets of fields: System V ABI, chapter 4 and 5 (Elf32_/Elf64_Ehdr, Shdr, Phdr), as in elf.h.
#include "core/symbols/elf_outline.h"

#include <elf.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"
#include "core/base/printable.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kContentsLimit = std::uint64_t{128} << 20;
constexpr std::uint64_t kNotesLimit = std::uint64_t{1} << 20;

/// Where one width's headers keep the fields that are needed here, bytes.
struct Fields {
  unsigned word;  // width of an offset or size
  std::uint64_t header_size, segment_size, section_size;
  std::uint64_t segments, sections;  // in the file header: where the tables are
  std::uint64_t segment_entry, segment_count, section_entry, section_count;  // 16 bits each
  std::uint64_t segment_offset, segment_file_size;  // in a program header; its type is first
  std::uint64_t section_type, section_offset, section_bytes, section_link;  // in a section header
};
constexpr Fields kFields32{4, 52, 32, 40, 28, 32, 42, 44, 46, 48, 4, 16, 4, 16, 20, 24};
constexpr Fields kFields64{8, 64, 56, 64, 32, 40, 54, 56, 58, 60, 8, 32, 4, 24, 32, 40};

/// Bytes that are read and changed in the file's own byte order.
struct Image {
  std::vector<std::byte> bytes;
  std::endian order = std::endian::little;

  Reader reader() const { return {bytes, order}; }
  void put_word(std::uint64_t at, std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) {
      const unsigned shift = 8 * (order == std::endian::little ? i : width - 1 - i);
      bytes[static_cast<std::size_t>(at + i)] = static_cast<std::byte>(value >> shift & 0xff);
    }
  }
};

/// Puts the wanted contents behind the file header and remembers where.
class Outline {
 public:
  Outline(const ByteSource& file, const Fields& fields, Image header)
      : file_(file), fields_(fields), out_(std::move(header)) {}

  Result<std::vector<std::byte>> make() {
    PANICROOM_TRY(segments, table(fields_.segments, fields_.segment_entry, fields_.segment_count,
                                  fields_.segment_size, "program"));
    PANICROOM_TRY(sections, table(fields_.sections, fields_.section_entry, fields_.section_count,
                                  fields_.section_size, "section"));
    PANICROOM_CHECK(keep_notes(segments));
    PANICROOM_CHECK(keep_sections(sections));
    place(fields_.segments, segments);
    place(fields_.sections, sections);
    return std::move(out_.bytes);
  }

 private:
  Result<Image> table(std::uint64_t place_field, std::uint64_t entry_field,
                      std::uint64_t count_field, std::uint64_t entry_size, std::string_view what) {
    const Reader header = out_.reader();
    const std::uint64_t count = header.u16(count_field).value_or(0);
    if (count == 0) return Image{{}, out_.order};
    const std::uint64_t place = header.word(place_field, fields_.word).value_or(0);
    if (header.u16(entry_field) != entry_size || !contains(file_.size(), place, count * entry_size))
      return fail_at_offset(
          ErrorCode::corrupt, place,
          fmt::format("{}'s {} {} headers leave the file", printable(file_.name()), count, what));
    PANICROOM_TRY(bytes, read_bytes(file_, place, count * entry_size, count * entry_size));
    return Image{std::move(bytes), out_.order};
  }

  /// Appends [offset, offset + size) of the file, aligned to 8; answers where it now is.
  Result<std::uint64_t> keep(std::uint64_t offset, std::uint64_t size) {
    if (!contains(file_.size(), offset, size))
      return fail_at_offset(ErrorCode::corrupt, offset,
                            fmt::format("a section of {} bytes leaves the file", size));
    if (size > kContentsLimit || out_.bytes.size() + size > kContentsLimit)
      return fail(ErrorCode::unsupported, fmt::format("{} has more than {} bytes of symbols",
                                                      printable(file_.name()), kContentsLimit));
    kept_ += size;
    // Notes are sections and segments both; nothing else is kept twice.
    if (kept_ / 2 > file_.size())
      return fail_at_offset(ErrorCode::corrupt, offset,
                            fmt::format("sections overlap: together those of {} are larger than it",
                                        printable(file_.name())));
    out_.bytes.resize((out_.bytes.size() + 7) / 8 * 8);
    const std::size_t place = out_.bytes.size();
    out_.bytes.resize(place + static_cast<std::size_t>(size));
    PANICROOM_CHECK(file_.read(offset, MutableBytes(out_.bytes).subspan(place)));
    return place;
  }

  Result<void> keep_notes(Image& segments) {
    for (std::uint64_t at = 0; at < segments.bytes.size(); at += fields_.segment_size) {
      if (segments.reader().u32(at) != std::uint32_t{PT_NOTE}) continue;
      const std::uint64_t offset =
          *segments.reader().word(at + fields_.segment_offset, fields_.word);
      std::uint64_t size = *segments.reader().word(at + fields_.segment_file_size, fields_.word);
      // A debug file's segments lead to what it no longer has.
      if (size > kNotesLimit || !contains(file_.size(), offset, size)) size = 0;
      PANICROOM_TRY(place, keep(size == 0 ? 0 : offset, size));
      segments.put_word(at + fields_.segment_offset, place, fields_.word);
      segments.put_word(at + fields_.segment_file_size, size, fields_.word);
    }
    return {};
  }

  /// The first symbol table of each kind with its strings, and the notes.
  std::vector<bool> wanted_sections(const Reader& sections) const {
    const std::uint64_t count = sections.size() / fields_.section_size;
    std::vector<bool> wanted(static_cast<std::size_t>(count));
    bool symbols = false, dynamic = false;
    for (std::uint64_t index = 0; index < count; ++index) {
      const std::uint64_t at = index * fields_.section_size;
      const std::uint32_t type = sections.u32(at + fields_.section_type).value_or(SHT_NULL);
      if (type == SHT_NOTE) {
        const auto size = sections.word(at + fields_.section_bytes, fields_.word);
        wanted[static_cast<std::size_t>(index)] = size && *size <= kNotesLimit;
      }
      if (type != SHT_SYMTAB && type != SHT_DYNSYM) continue;
      if (std::exchange(type == SHT_SYMTAB ? symbols : dynamic, true)) continue;
      wanted[static_cast<std::size_t>(index)] = true;
      const std::uint64_t link = sections.u32(at + fields_.section_link).value_or(0);
      if (link < count) wanted[static_cast<std::size_t>(link)] = true;
    }
    return wanted;
  }

  Result<void> keep_sections(Image& sections) {
    const std::vector<bool> wanted = wanted_sections(sections.reader());
    for (std::size_t index = 0; index < wanted.size(); ++index) {
      const std::uint64_t at = index * fields_.section_size;
      std::uint64_t place = 0;
      if (wanted[index]) {
        const std::uint64_t offset =
            *sections.reader().word(at + fields_.section_offset, fields_.word);
        const std::uint64_t size =
            *sections.reader().word(at + fields_.section_bytes, fields_.word);
        PANICROOM_TRY(kept, keep(offset, size));
        place = kept;
      }
      sections.put_word(at + fields_.section_offset, place, fields_.word);
    }
    return {};
  }

  void place(std::uint64_t field, const Image& table) {
    out_.bytes.resize((out_.bytes.size() + 7) / 8 * 8);
    out_.put_word(field, table.bytes.empty() ? 0 : out_.bytes.size(), fields_.word);
    out_.bytes.insert(out_.bytes.end(), table.bytes.begin(), table.bytes.end());
  }

  const ByteSource& file_;
  const Fields& fields_;
  Image out_;
  std::uint64_t kept_ = 0;  // bytes of contents
};

}  // namespace

Result<std::vector<std::byte>> elf_outline(const ByteSource& file) {
  const auto no_elf = [&] {
    return fail_at_offset(ErrorCode::unsupported, 0,
                          fmt::format("{} is no ELF file", printable(file.name())));
  };
  std::array<std::byte, EI_NIDENT> ident{};
  if (file.size() < ident.size()) return no_elf();
  PANICROOM_CHECK(file.read(0, ident));
  if (std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0) return no_elf();
  const auto width = std::to_integer<unsigned>(ident[EI_CLASS]);
  const auto order = std::to_integer<unsigned>(ident[EI_DATA]);
  if ((width != ELFCLASS32 && width != ELFCLASS64) ||
      (order != ELFDATA2LSB && order != ELFDATA2MSB))
    return no_elf();
  const Fields& fields = width == ELFCLASS64 ? kFields64 : kFields32;
  if (file.size() < fields.header_size) return no_elf();
  Image header;
  header.order = order == ELFDATA2LSB ? std::endian::little : std::endian::big;
  PANICROOM_TRY(bytes, read_bytes(file, 0, fields.header_size, fields.header_size));
  header.bytes = std::move(bytes);
  return Outline(file, fields, std::move(header)).make();
}

}  // namespace panicroom
