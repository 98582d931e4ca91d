#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/stack/cfi.h"
#include "core/stack/cfi_entries.h"
#include "core/types/debug_section.h"
#include "core/types/dwarf_cursor.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kAugmentationLimit = 16;
constexpr std::size_t kIndexLimit = std::size_t{1} << 22;
constexpr std::size_t kCommonsLimit = 4096;  // that are kept; linkers write a few

// Encodings of pointers (LSB core, 10.5.1): the low half says how wide, bits 6:4 from where.
constexpr unsigned kAbsolute = 0, kOmitted = 0xff, kIndirect = 0x80;
constexpr unsigned kFromHere = 0x10, kFromText = 0x20, kFromData = 0x30, kFromFunction = 0x40,
                   kAligned = 0x50;

Error unsupported(std::uint64_t place, std::string_view what) {
  return Error{ErrorCode::unsupported, Absence::none,
               fmt::format("call-frame information at {:#x}: {}", place, what), std::nullopt,
               std::nullopt};
}

Error corrupt(std::uint64_t place, std::string_view what) {
  return Error{ErrorCode::corrupt, Absence::none,
               fmt::format("call-frame information at {:#x}: {}", place, what), std::nullopt,
               std::nullopt};
}

std::uint64_t truncated(std::uint64_t value, unsigned address_size) {
  return address_size >= 8 ? value : value & ((std::uint64_t{1} << 8 * address_size) - 1);
}

/// Bytes of a pointer of that encoding; nothing where it has no fixed width.
std::optional<unsigned> width_of(unsigned encoding, unsigned address_size) {
  switch (encoding & 0xf) {
    case 0:
      return address_size;
    case 2:
    case 10:
      return 2;
    case 3:
    case 11:
      return 4;
    case 4:
    case 12:
      return 8;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::uint64_t> CfiTable::pointer(CfiSection& section, DwarfCursor& cursor, unsigned encoding,
                                        unsigned address_size, std::uint64_t function) const {
  if (encoding == kOmitted) return std::uint64_t{0};
  if (encoding == kAligned) {
    const std::uint64_t off = (section.address + cursor.at()) % address_size;
    if (off != 0) cursor.skip(address_size - off);
    encoding = kAbsolute;
  }
  const std::uint64_t here = section.address + cursor.at();
  std::uint64_t value = 0;
  const bool is_signed = (encoding & 8) != 0;
  if (const auto width = width_of(encoding, address_size)) {
    value = cursor.number(*width);
    if (is_signed) value = sign_extend(value, 8 * *width);
  } else if ((encoding & 0xf) == 1) {
    value = cursor.uleb();
  } else if ((encoding & 0xf) == 9) {
    value = static_cast<std::uint64_t>(cursor.sleb());
  } else {
    return Failure(unsupported(cursor.at(), fmt::format("a pointer encoded as {:#x}", encoding)));
  }
  // What is indirect lies in memory that a linker fills; kernels have none of it.
  if ((encoding & kIndirect) != 0)
    return Failure(unsupported(cursor.at(), "an indirect pointer to code"));
  switch (encoding & 0x70) {
    case 0:
      break;
    case kFromHere:
      value += here;
      break;
    case kFromText:
      value += sections_.text;
      break;
    case kFromFunction:
      value += function;
      break;
    case kFromData:
      if (sections_.header && &section == &*sections_.header) {
        value += section.address;
        break;
      }
      [[fallthrough]];
    default:
      return Failure(unsupported(cursor.at(), fmt::format("a pointer encoded as {:#x}", encoding)));
  }
  return truncated(value, address_size);
}

Result<CfiTable::Common> CfiTable::read_common(CfiSection& section, std::uint64_t place) {
  DwarfCursor head(section.bytes, order(), place, section.bytes.size());
  unsigned offset_size = 4;
  const std::uint64_t length = head.initial_length(offset_size);
  if (head.failed()) return Failure(head.error());
  if (!contains(section.bytes.size(), head.at(), length))
    return Failure(corrupt(place, "a CIE leaves its section"));
  DwarfCursor cursor(section.bytes, order(), head.at(), head.at() + length);
  const unsigned id_size = section.eh ? 4 : offset_size;
  const std::uint64_t id = cursor.number(id_size);
  const std::uint64_t mark = section.eh ? 0 : truncated(~std::uint64_t{0}, id_size);
  const std::uint64_t version = cursor.number(1);
  if (cursor.failed()) return Failure(cursor.error());
  if (id != mark) return Failure(corrupt(place, "an FDE's CIE is none"));
  if (version != 1 && version != 3 && version != 4)
    return Failure(unsupported(place, fmt::format("a CIE of version {}", version)));
  Common common;
  const auto augmentation = section.bytes.text(cursor.at(), cursor.end(), kAugmentationLimit);
  if (!augmentation) return Failure(corrupt(place, "a CIE has no augmentation"));
  const std::string letters(*augmentation);
  cursor.skip(letters.size() + 1);
  common.address_size = sections_.machine.pointer_size;
  if (version == 4) {
    common.address_size = static_cast<unsigned>(cursor.number(1));
    common.segment_size = static_cast<unsigned>(cursor.number(1));
    if (!cursor.failed() &&
        ((common.address_size != 4 && common.address_size != 8) || common.segment_size > 8))
      return Failure(
          unsupported(place, fmt::format("a CIE with addresses of {} bytes", common.address_size)));
  }
  if (letters == "eh") cursor.skip(common.address_size);  // old gcc: its exception table
  common.code_alignment = cursor.uleb();
  common.data_alignment = cursor.sleb();
  common.return_column = version == 1 ? cursor.number(1) : cursor.uleb();
  common.sized_augmentation = letters.starts_with('z');
  if (!common.sized_augmentation && !letters.empty() && letters != "eh")
    return Failure(
        unsupported(place, fmt::format("a CIE with the augmentation \"{}\"", printable(letters))));
  if (common.sized_augmentation) {
    const std::uint64_t size = cursor.uleb();
    const std::uint64_t begin = cursor.at();
    for (const char letter : letters.substr(1)) {
      if (letter == 'R') {
        common.pointer_encoding = static_cast<unsigned>(cursor.number(1));
      } else if (letter == 'L') {
        cursor.skip(1);
      } else if (letter == 'P') {
        // Only to get past it: from where it counts and where it leads does not matter here.
        auto encoding = static_cast<unsigned>(cursor.number(1));
        if (encoding != kOmitted && encoding != kAligned) encoding &= 0xf;
        PANICROOM_CHECK(
            pointer(section, cursor, encoding, common.address_size, 0).map([](std::uint64_t) {}));
      } else if (letter == 'S') {
        common.signal_frame = true;
      } else if (letter != 'B' && letter != 'G') {
        break;  // its size says where the instructions begin
      }
    }
    if (!contains(cursor.end(), begin, size) || cursor.at() > begin + size)
      return Failure(corrupt(place, "a CIE's augmentation leaves it"));
    cursor.skip(begin + size - cursor.at());
  }
  if (cursor.failed()) return Failure(cursor.error());
  common.instructions = cursor.at();
  common.end = cursor.end();
  return common;
}

Result<const CfiTable::Common*> CfiTable::common(std::size_t section, std::uint64_t place) {
  const std::pair key{section, place};
  if (const auto known = commons_.find(key); known != commons_.end()) return known->second.get();
  PANICROOM_TRY(read, read_common(sections_.frames[section], place));
  if (commons_.size() == kCommonsLimit) commons_.clear();
  return commons_.emplace(key, std::make_shared<const Common>(read)).first->second.get();
}

Result<std::optional<CfiTable::Entry>> CfiTable::entry(std::size_t number, std::uint64_t place,
                                                       std::uint64_t& next) {
  CfiSection& section = sections_.frames[number];
  DwarfCursor head(section.bytes, order(), place, section.bytes.size());
  unsigned offset_size = 4;
  const std::uint64_t length = head.initial_length(offset_size);
  if (head.failed()) return Failure(head.error());
  if (!contains(section.bytes.size(), head.at(), length))
    return Failure(corrupt(place, fmt::format("an entry of {} bytes leaves its section", length)));
  next = head.at() + length;
  if (length == 0) return std::optional<Entry>{};  // a terminator, or padding between files
  DwarfCursor cursor(section.bytes, order(), head.at(), next);
  const unsigned id_size = section.eh ? 4 : offset_size;
  const std::uint64_t id_at = cursor.at();
  const std::uint64_t id = cursor.number(id_size);
  if (cursor.failed()) return Failure(cursor.error());
  if (id == (section.eh ? 0 : truncated(~std::uint64_t{0}, id_size))) return std::optional<Entry>{};
  if (section.eh && id > id_at) return Failure(corrupt(place, "an FDE's CIE lies before all"));
  Entry entry;
  PANICROOM_TRY(common, this->common(number, section.eh ? id_at - id : id));
  entry.common = *common;
  cursor.skip(common->segment_size);
  PANICROOM_TRY(begin, pointer(section, cursor, common->pointer_encoding, common->address_size, 0));
  // A length counts from nowhere.
  PANICROOM_TRY(size,
                pointer(section, cursor, common->pointer_encoding & 0xf, common->address_size, 0));
  if (common->sized_augmentation) cursor.skip(cursor.uleb());
  if (cursor.failed()) return Failure(cursor.error());
  entry.begin = begin;
  entry.end = checked_add(begin, size).value_or(~std::uint64_t{0});
  entry.instructions = cursor.at();
  entry.instructions_end = next;
  return std::optional<Entry>(entry);
}

void CfiTable::index() {
  index_.emplace();
  for (std::size_t i = 0; i < sections_.frames.size(); ++i) {
    const std::uint64_t size = sections_.frames[i].bytes.size();
    for (std::uint64_t at = 0; at < size && index_->size() < kIndexLimit;) {
      std::uint64_t next = size;  // where an entry's length leads nowhere the section ends
      const auto found = entry(i, at, next);
      // An entry that cannot be read costs what it describes; it is told when that is asked for.
      if (found && *found && (*found)->begin < (*found)->end)
        index_->push_back({(*found)->begin, (*found)->end, at, i});
      at = next;
    }
  }
  std::sort(index_->begin(), index_->end(), [](const Known& a, const Known& b) {
    return std::tie(a.begin, a.section, a.place) < std::tie(b.begin, b.section, b.place);
  });
}

Result<std::optional<std::optional<CfiTable::Known>>> CfiTable::search_header(
    std::uint64_t address) {
  using Answer = std::optional<std::optional<Known>>;
  std::size_t eh = 0;
  while (eh < sections_.frames.size() && !sections_.frames[eh].eh) ++eh;
  if (!sections_.header || eh == sections_.frames.size()) return Answer{};
  CfiSection& header = *sections_.header;
  const unsigned address_size = sections_.machine.pointer_size;
  DwarfCursor cursor(header.bytes, order(), 0, header.bytes.size());
  const std::uint64_t version = cursor.number(1);
  const auto frame_encoding = static_cast<unsigned>(cursor.number(1));
  const auto count_encoding = static_cast<unsigned>(cursor.number(1));
  const auto table_encoding = static_cast<unsigned>(cursor.number(1));
  const auto width = width_of(table_encoding, address_size);
  if (cursor.failed()) return Failure(cursor.error());
  if (count_encoding == kOmitted || table_encoding == kOmitted) return Answer{};
  if (version != 1 || !width)
    return Failure(unsupported(
        0, fmt::format("a search table of version {}, encoded as {:#x}", version, table_encoding)));
  PANICROOM_CHECK(
      pointer(header, cursor, frame_encoding, address_size, 0).map([](std::uint64_t) {}));
  PANICROOM_TRY(count, pointer(header, cursor, count_encoding, address_size, 0));
  if (cursor.failed()) return Failure(cursor.error());
  const std::uint64_t table = cursor.at(), row = std::uint64_t{2} * *width;
  if (count == 0 || count > (header.bytes.size() - table) / row)
    return Failure(
        corrupt(table, fmt::format("a search table of {} entries in a section of {} bytes", count,
                                   header.bytes.size())));
  const auto cell = [&](std::uint64_t place) -> Result<std::uint64_t> {
    DwarfCursor at(header.bytes, order(), place, header.bytes.size());
    PANICROOM_TRY(value, pointer(header, at, table_encoding, address_size, 0));
    if (at.failed()) return Failure(at.error());
    return value;
  };
  std::uint64_t low = 0, high = count;  // the number of entries that begin at or below `address`
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    PANICROOM_TRY(begin, cell(table + middle * row));
    if (begin <= address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return Answer{std::optional<Known>{}};
  PANICROOM_TRY(begin, cell(table + (low - 1) * row));
  PANICROOM_TRY(place, cell(table + (low - 1) * row + *width));
  CfiSection& section = sections_.frames[eh];
  if (place < section.address || place - section.address >= section.bytes.size())
    return Failure(corrupt(table, "the search table leads out of .eh_frame"));
  std::uint64_t next = 0;
  PANICROOM_TRY(found, entry(eh, place - section.address, next));
  if (!found || found->begin != begin)
    return Failure(corrupt(table, "the search table leads to no FDE, or another function's"));
  if (address < found->begin || address >= found->end) return Answer{std::optional<Known>{}};
  return Answer{Known{found->begin, found->end, place - section.address, eh}};
}

Result<std::optional<CfiRow>> CfiTable::row_at(std::uint64_t address) {
  std::optional<Known> known;
  auto by_header = search_header(address);
  if (!by_header) {
    remark_ = by_header.error().within("the search table .eh_frame_hdr is not used");
    sections_.header.reset();
  } else if (*by_header) {
    known = **by_header;
  }
  // The header knows .eh_frame alone.
  if (!known && (!by_header || !*by_header || sections_.frames.size() > 1)) {
    if (!index_) index();
    auto after = std::upper_bound(
        index_->begin(), index_->end(), address,
        [](std::uint64_t place, const Known& entry) { return place < entry.begin; });
    // Where two overlap the later one counts; few lie within another.
    for (unsigned tries = 0; tries < 4 && after != index_->begin() && !known; ++tries) {
      --after;
      if (address < after->end) known = *after;
    }
  }
  if (!known) return std::optional<CfiRow>{};
  std::uint64_t next = 0;
  PANICROOM_TRY(found, entry(known->section, known->place, next));
  if (!found) return std::optional<CfiRow>{};
  std::optional<CfiRow> answer;
  PANICROOM_CHECK(run(known->section, *found, [&](const CfiRow& row) {
    if (address < row.begin) return false;
    if (address >= row.end) return true;
    answer = row;
    return false;
  }));
  return answer;
}

Result<void> CfiTable::rows(const std::function<bool(const CfiRow&)>& visit) {
  for (std::size_t i = 0; i < sections_.frames.size(); ++i) {
    const std::uint64_t size = sections_.frames[i].bytes.size();
    for (std::uint64_t at = 0; at < size;) {
      std::uint64_t next = size;
      PANICROOM_TRY(found, entry(i, at, next));
      bool go_on = true;
      if (found)
        PANICROOM_CHECK(run(i, *found, [&](const CfiRow& row) { return go_on = visit(row); }));
      if (!go_on) return {};
      at = next;
    }
  }
  return {};
}

Result<std::shared_ptr<CfiTable>> read_cfi(const SourcePtr& file) {
  PANICROOM_TRY(elf, read_elf_sections(*file));
  if (elf.type == ET_REL)
    return fail(ErrorCode::no_symbol, fmt::format("{} is not linked: its code has no addresses",
                                                  printable(base_name(file->name()))));
  return read_cfi(file, elf);
}

Result<std::shared_ptr<CfiTable>> read_cfi(const SourcePtr& file, const ElfSections& elf) {
  const std::string name = printable(base_name(file->name()));
  CfiSections sections;
  sections.machine = elf.machine;
  if (const ElfSection* text = elf.find(".text")) sections.text = text->address;
  const auto section = [&](const char* title, bool eh) -> Result<std::optional<CfiSection>> {
    const ElfSection* found = elf.find(title);
    if (found == nullptr || found->size == 0) return std::optional<CfiSection>{};
    auto bytes = debug_section(file, elf, title);
    if (!bytes) return Failure(bytes.error().within(name));
    return std::optional<CfiSection>(CfiSection{*std::move(bytes), found->address, eh});
  };
  PANICROOM_TRY(eh_frame, section(".eh_frame", true));
  PANICROOM_TRY(debug_frame, section(".debug_frame", false));
  PANICROOM_TRY(header, section(".eh_frame_hdr", true));
  if (eh_frame) sections.frames.push_back(*std::move(eh_frame));
  if (debug_frame) sections.frames.push_back(*std::move(debug_frame));
  if (header && !sections.frames.empty() && sections.frames.front().eh)
    sections.header = std::move(header);
  if (sections.frames.empty())
    return fail(ErrorCode::no_symbol, fmt::format("{} carries no call-frame information", name));
  return std::make_shared<CfiTable>(std::move(sections));
}

}  // namespace panicroom
