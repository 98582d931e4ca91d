// DWARF Debugging Information Format, versions 2 to 5, chapter 7.
#include "core/types/dwarf_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/types/dwarf_cursor.h"
#include "core/types/dwarf_form.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kNameLimit = 1024;
constexpr std::size_t kAttributesLimit = 128;  // of one entry; compilers write some twenty

using Form = DwarfForm;

enum class Name : std::uint16_t {
  sibling = 0x01,
  name = 0x03,
  byte_size = 0x0b,
  stmt_list = 0x10,
  low_pc = 0x11,
  high_pc = 0x12,
  comp_dir = 0x1b,
  bit_offset = 0x0c,
  bit_size = 0x0d,
  const_value = 0x1c,
  upper_bound = 0x2f,
  abstract_origin = 0x31,
  count = 0x37,
  data_member_location = 0x38,
  declaration = 0x3c,
  encoding = 0x3e,
  external = 0x3f,
  call_file = 0x58,
  call_line = 0x59,
  specification = 0x47,
  type = 0x49,
  data_bit_offset = 0x6b,
  ranges = 0x55,
  str_offsets_base = 0x72,
  addr_base = 0x73,
  rnglists_base = 0x74,
  gnu_addr_base = 0x2133
};

enum class UnitType : std::uint8_t { compile = 1, type = 2, partial = 3, skeleton = 4 };

constexpr std::uint8_t kPlusConstant = 0x23;  // DW_OP_plus_uconst

}  // namespace

const DwarfUnits::Abbreviation* DwarfUnits::Table::find(std::uint64_t code) const {
  // Compilers number them 1, 2, ...
  if (code - 1 < all.size() && all[static_cast<std::size_t>(code - 1)].code == code)
    return &all[static_cast<std::size_t>(code - 1)];
  const auto found = std::lower_bound(all.begin(), all.end(), code,
                                      [](const Abbreviation& abbreviation, std::uint64_t wanted) {
                                        return abbreviation.code < wanted;
                                      });
  return found == all.end() || found->code != code ? nullptr : &*found;
}

Result<const DwarfUnits::Table*> DwarfUnits::table(std::uint64_t offset) {
  if (latest_.second != nullptr && latest_.first == offset) return latest_.second;
  if (const auto known = tables_.find(offset); known != tables_.end()) {
    latest_ = {offset, &known->second};
    return &known->second;
  }
  LazyBytes& bytes = sections_.abbreviations;
  DwarfCursor cursor(bytes, sections_.order, offset, bytes.size());
  Table table;
  for (;;) {
    Abbreviation abbreviation;
    abbreviation.code = cursor.uleb();
    if (cursor.failed() || abbreviation.code == 0) break;
    abbreviation.tag = static_cast<DwarfTag>(cursor.uleb() & 0xffff);
    abbreviation.has_children = cursor.number(1) != 0;
    abbreviation.first = static_cast<std::uint32_t>(table.attributes.size());
    for (;;) {
      Attribute attribute;
      attribute.name = static_cast<std::uint16_t>(cursor.uleb() & 0xffff);
      attribute.form = static_cast<std::uint16_t>(cursor.uleb() & 0xffff);
      if (static_cast<Form>(attribute.form) == Form::implicit_const)
        attribute.constant = cursor.sleb();
      if (cursor.failed() || (attribute.name == 0 && attribute.form == 0)) break;
      table.attributes.push_back(attribute);
    }
    abbreviation.count = static_cast<std::uint32_t>(table.attributes.size()) - abbreviation.first;
    if (abbreviation.count > kAttributesLimit)
      return Failure(corrupt_dwarf(
          offset, fmt::format("an abbreviation has {} attributes", abbreviation.count)));
    table.all.push_back(abbreviation);
  }
  if (cursor.failed()) return Failure(cursor.error().within("abbreviations"));
  // Tables that overlap could be read any number of times.
  abbreviations_read_ += cursor.at() - offset;
  if (abbreviations_read_ / 4 > bytes.size())
    return Failure(corrupt_dwarf(offset, "the units' abbreviations overlap"));
  std::sort(table.all.begin(), table.all.end(), [](const Abbreviation& a, const Abbreviation& b) {
    return std::tie(a.code, a.first) < std::tie(b.code, b.first);
  });
  const auto kept = tables_.emplace(offset, std::move(table)).first;
  latest_ = {offset, &kept->second};
  return &kept->second;
}

Result<void> DwarfUnits::read_unit() {
  if (stopped_) return Failure(*stopped_);
  Unit unit;
  unit.begin = next_unit_;
  const auto stop = [this](Error error) -> Result<void> {
    stopped_ = std::move(error);
    return Failure(*stopped_);
  };
  DwarfCursor cursor(sections_.info, sections_.order, unit.begin, size());
  const std::uint64_t length = cursor.initial_length(unit.offset_size);
  if (cursor.failed()) return stop(cursor.error());
  if (!contains(size(), cursor.at(), length))
    return stop(
        corrupt_dwarf(unit.begin, fmt::format("a unit of {} bytes leaves its section", length)));
  unit.end = cursor.at() + length;
  unit.version = static_cast<unsigned>(cursor.number(2));
  unit.is_readable = unit.version >= 2 && unit.version <= 5;
  if (unit.version == 5) {
    const auto type = static_cast<UnitType>(cursor.number(1));
    unit.address_size = static_cast<unsigned>(cursor.number(1));
    unit.abbreviations = cursor.number(unit.offset_size);
    if (type == UnitType::skeleton) cursor.skip(8);
    if (type == UnitType::type) cursor.skip(std::uint64_t{8} + unit.offset_size);
    unit.is_readable = type >= UnitType::compile && type <= UnitType::skeleton;
  } else if (unit.is_readable) {
    unit.abbreviations = cursor.number(unit.offset_size);
    unit.address_size = static_cast<unsigned>(cursor.number(1));
  }
  if (unit.address_size == 0 || unit.address_size > 8) unit.is_readable = false;
  // A unit cut short ends itself alone: its length leads to the next.
  if (cursor.failed() || cursor.at() > unit.end) unit.is_readable = false;
  unit.entries = cursor.at();
  next_unit_ = unit.end;
  units_.push_back(unit);
  return {};
}

Result<const DwarfUnits::Unit*> DwarfUnits::unit(std::size_t number) {
  while (units_.size() <= number) {
    if (next_unit_ >= size()) return nullptr;
    PANICROOM_CHECK(read_unit());
  }
  return &units_[number];
}

Result<const DwarfUnits::Unit*> DwarfUnits::unit_of(std::uint64_t offset) {
  while (next_unit_ <= offset && next_unit_ < size()) PANICROOM_CHECK(read_unit());
  const auto after =
      std::upper_bound(units_.begin(), units_.end(), offset,
                       [](std::uint64_t place, const Unit& unit) { return place < unit.begin; });
  if (after == units_.begin() || offset >= std::prev(after)->end ||
      offset < std::prev(after)->entries)
    return Failure(corrupt_dwarf(offset, "no unit has an entry here"));
  return &*std::prev(after);
}

Result<const DwarfUnits::Unit*> DwarfUnits::unit_at(std::uint64_t offset) {
  while (next_unit_ <= offset && next_unit_ < size()) PANICROOM_CHECK(read_unit());
  const auto found =
      std::lower_bound(units_.begin(), units_.end(), offset,
                       [](const Unit& unit, std::uint64_t place) { return unit.begin < place; });
  if (found == units_.end() || found->begin != offset)
    return Failure(corrupt_dwarf(offset, "no unit begins here"));
  return &*found;
}

/// Reads one entry's attributes.
class DwarfUnits::EntryReader {
 public:
  EntryReader(DwarfUnits& units, const Unit& unit, DwarfCursor& cursor, DwarfEntry& entry,
              bool with_names)
      : units_(units), unit_(unit), cursor_(cursor), entry_(entry), with_names_(with_names) {}

  Result<void> read(const Attribute& attribute) {
    const auto name = static_cast<Name>(attribute.name);
    auto form = static_cast<Form>(attribute.form);
    if (form == Form::indirect) {
      form = static_cast<Form>(cursor_.uleb() & 0xffff);
      if (form == Form::indirect || form == Form::implicit_const)
        return Failure(corrupt_dwarf(cursor_.at(), "an indirect form is indirect"));
    }
    switch (form) {
      case Form::string:
      case Form::strp:
      case Form::line_strp:
      case Form::strx:
      case Form::strx1:
      case Form::strx2:
      case Form::strx3:
      case Form::strx4:
      case Form::gnu_str_index:
        return text(name, form);
      case Form::ref1:
      case Form::ref2:
      case Form::ref4:
      case Form::ref8:
      case Form::ref_udata:
      case Form::ref_addr:
        reference(name, form);
        return {};
      case Form::exprloc:
      case Form::block:
      case Form::block1:
      case Form::block2:
      case Form::block4:
        block(name, form);
        return {};
      default:
        return constant(name, form, attribute.constant);
    }
  }

 private:
  DwarfWidths widths() const {
    // In version 2 a reference to another unit is as wide as an address.
    return {unit_.offset_size, unit_.address_size,
            unit_.version == 2 ? unit_.address_size : unit_.offset_size};
  }
  /// Of a form that is a number.
  std::uint64_t number(Form form) { return dwarf_number(cursor_, form, widths()).value_or(0); }

  Result<void> text(Name name, Form form) {
    const std::uint64_t start = cursor_.at();
    std::uint64_t offset = 0;
    if (form == Form::string)
      cursor_.skip_text();
    else
      offset = number(form);
    if (!with_names_ || (name != Name::name && name != Name::comp_dir) || cursor_.failed())
      return {};
    DwarfSections& sections = units_.sections_;
    LazyBytes* strings = &sections.strings;
    if (form == Form::string) {
      strings = &sections.info;
      offset = start;
    } else if (form == Form::line_strp) {
      strings = &sections.line_strings;
    } else if (form != Form::strp) {
      const std::uint64_t base = unit_.string_offsets_base.value_or(0);
      const std::uint64_t size = sections.string_offsets.size();
      const std::byte* bytes =
          offset < size && base < size
              ? sections.string_offsets.at(base + offset * unit_.offset_size, unit_.offset_size)
              : nullptr;
      if (bytes == nullptr)
        return Failure(corrupt_dwarf(start, "a name's place is not in its section"));
      offset = unit_.offset_size == 8 ? load<std::uint64_t>(bytes, sections.order)
                                      : load<std::uint32_t>(bytes, sections.order);
    }
    const auto found = offset < strings->size() ? strings->text(offset, strings->size(), kNameLimit)
                                                : std::nullopt;
    // A name that cannot be read is not an entry that cannot.
    (name == Name::name ? entry_.name : entry_.code.directory) = found ? *found : "?";
    return {};
  }

  void reference(Name name, Form form) {
    std::uint64_t target = number(form);
    // An overflow leads out of the section, which is found when it is followed.
    if (form != Form::ref_addr) target += unit_.begin;
    if (name == Name::sibling) entry_.sibling = target;
    if (name == Name::type) entry_.type = target;
    if (name == Name::specification || name == Name::abstract_origin) entry_.origin = target;
  }

  void block(Name name, Form form) {
    const std::uint64_t length = number(form);
    const std::uint64_t end = cursor_.at() + length;
    // DWARF 2 tells a member's place by adding to the structure's.
    if (name == Name::data_member_location && length > 1 && cursor_.peek(0) == kPlusConstant) {
      cursor_.skip(1);
      entry_.member_location = cursor_.uleb();
      cursor_.skip(end > cursor_.at() ? end - cursor_.at() : 0);
      return;
    }
    cursor_.skip(length);
  }

  Result<void> constant(Name name, Form form, std::int64_t implicit) {
    if (form == Form::data16) {
      cursor_.skip(16);
      return {};
    }
    const auto read = form == Form::implicit_const ? static_cast<std::uint64_t>(implicit)
                                                   : dwarf_number(cursor_, form, widths());
    if (!read)
      return fail(ErrorCode::unsupported, fmt::format("DWARF at {:#x}: the form {:#x} is not known",
                                                      cursor_.at(), static_cast<unsigned>(form)));
    const auto value = static_cast<std::int64_t>(*read);
    if (name == Name::type)
      entry_.type = kElsewhere;
    else if (!keep_code(name, form, *read))
      keep(name, form, value);
    return {};
  }

  static bool is_index(Form form) {
    return form == Form::addrx || form == Form::gnu_addr_index || form == Form::rnglistx ||
           (form >= Form::addrx1 && form <= Form::addrx4);
  }

  bool keep_code(Name name, Form form, std::uint64_t value) {
    DwarfCode& code = entry_.code;
    switch (name) {
      case Name::low_pc:
        code.low = DwarfIndexed{value, is_index(form)};
        return true;
      case Name::high_pc:
        code.high = DwarfIndexed{value, is_index(form)};
        code.high_is_length = form != Form::address && !is_index(form);
        return true;
      case Name::ranges:
        code.ranges = DwarfIndexed{value, is_index(form)};
        return true;
      case Name::call_file:
        code.call_file = value;
        return true;
      case Name::call_line:
        code.call_line = value;
        return true;
      case Name::stmt_list:
        code.lines = value;
        return true;
      case Name::addr_base:
      case Name::gnu_addr_base:
        code.addresses_base = value;
        return true;
      case Name::rnglists_base:
        code.ranges_base = value;
        return true;
      default:
        return false;
    }
  }

  void keep(Name name, Form form, std::int64_t value) {
    const auto number = static_cast<std::uint64_t>(value);
    switch (name) {
      case Name::byte_size:
        entry_.byte_size = number;
        break;
      case Name::bit_size:
        entry_.bit_size = number;
        break;
      case Name::bit_offset:
        entry_.bit_offset = value;
        break;
      case Name::data_bit_offset:
        entry_.data_bit_offset = number;
        break;
      case Name::encoding:
        entry_.encoding = number;
        break;
      case Name::data_member_location:
        if (form != Form::sec_offset && form != Form::loclistx) entry_.member_location = number;
        break;
      case Name::const_value:
        entry_.const_value = value;
        break;
      case Name::upper_bound:
        entry_.upper_bound = value;
        break;
      case Name::count:
        entry_.count = value;
        break;
      case Name::declaration:
        entry_.is_declaration = value != 0;
        break;
      case Name::external:
        entry_.is_external = value != 0;
        break;
      case Name::str_offsets_base:
        entry_.string_offsets_base = number;
        break;
      default:
        break;
    }
  }

  DwarfUnits& units_;
  const Unit& unit_;
  DwarfCursor& cursor_;
  DwarfEntry& entry_;
  bool with_names_;
};

Result<DwarfEntry> DwarfUnits::read_entry(const Unit& unit, std::uint64_t offset, bool with_names) {
  if (!unit.is_readable)
    return fail(ErrorCode::unsupported,
                fmt::format("DWARF at {:#x}: a unit of version {} cannot be read", unit.begin,
                            unit.version));
  if (unit.version == 5 && !unit.string_offsets_base) {
    // Behind the header of the table (8 bytes, 16 wide) where the unit does not say it.
    unit.string_offsets_base = unit.offset_size == 8 ? 16 : 8;
    if (const auto own = this->entry(unit, unit.entries); own && own->string_offsets_base != 0)
      unit.string_offsets_base = own->string_offsets_base;
  }
  DwarfCursor cursor(sections_.info, sections_.order, offset, unit.end);
  DwarfEntry entry;
  entry.offset = offset;
  const std::uint64_t code = cursor.uleb();
  if (cursor.failed()) return Failure(cursor.error());
  ++work_;
  entry.next = cursor.at();
  if (code == 0) return entry;
  PANICROOM_TRY(abbreviations, table(unit.abbreviations));
  const Abbreviation* abbreviation = abbreviations->find(code);
  if (abbreviation == nullptr)
    return Failure(corrupt_dwarf(offset, fmt::format("there is no abbreviation {}", code)));
  entry.tag = abbreviation->tag;
  // A tag of 0 would end its siblings.
  if (entry.tag == DwarfTag::end) return Failure(corrupt_dwarf(offset, "an entry has no tag"));
  entry.has_children = abbreviation->has_children;
  work_ += abbreviation->count;
  EntryReader reader(*this, unit, cursor, entry, with_names);
  for (std::uint32_t i = 0; i < abbreviation->count; ++i)
    PANICROOM_CHECK(reader.read(abbreviations->attributes[abbreviation->first + i]));
  if (cursor.failed()) return Failure(cursor.error());
  entry.next = cursor.at();
  return entry;
}

}  // namespace panicroom
