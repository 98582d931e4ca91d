#include "core/types/dwarf_form.h"

namespace panicroom {

std::optional<std::uint64_t> dwarf_number(DwarfCursor& cursor, DwarfForm form,
                                          const DwarfWidths& widths) {
  switch (form) {
    case DwarfForm::data1:
    case DwarfForm::flag:
    case DwarfForm::ref1:
    case DwarfForm::strx1:
    case DwarfForm::addrx1:
    case DwarfForm::block1:
      return cursor.number(1);
    case DwarfForm::data2:
    case DwarfForm::ref2:
    case DwarfForm::strx2:
    case DwarfForm::addrx2:
    case DwarfForm::block2:
      return cursor.number(2);
    case DwarfForm::strx3:
    case DwarfForm::addrx3:
      return cursor.number(3);
    case DwarfForm::data4:
    case DwarfForm::ref4:
    case DwarfForm::ref_sup4:
    case DwarfForm::strx4:
    case DwarfForm::addrx4:
    case DwarfForm::block4:
      return cursor.number(4);
    case DwarfForm::data8:
    case DwarfForm::ref8:
    case DwarfForm::ref_sig8:
    case DwarfForm::ref_sup8:
      return cursor.number(8);
    case DwarfForm::udata:
    case DwarfForm::ref_udata:
    case DwarfForm::strx:
    case DwarfForm::addrx:
    case DwarfForm::loclistx:
    case DwarfForm::rnglistx:
    case DwarfForm::gnu_addr_index:
    case DwarfForm::gnu_str_index:
    case DwarfForm::block:
    case DwarfForm::exprloc:
      return cursor.uleb();
    case DwarfForm::sdata:
      return static_cast<std::uint64_t>(cursor.sleb());
    case DwarfForm::address:
      return cursor.number(widths.address);
    case DwarfForm::ref_addr:
      return cursor.number(widths.section_reference);
    case DwarfForm::sec_offset:
    case DwarfForm::strp:
    case DwarfForm::line_strp:
    case DwarfForm::strp_sup:
    case DwarfForm::gnu_ref_alt:
    case DwarfForm::gnu_strp_alt:
      return cursor.number(widths.offset);
    case DwarfForm::flag_present:
      return 1;
    default:
      return std::nullopt;
  }
}

bool is_dwarf_block(DwarfForm form) {
  return form == DwarfForm::block || form == DwarfForm::block1 || form == DwarfForm::block2 ||
         form == DwarfForm::block4 || form == DwarfForm::exprloc;
}

bool skip_dwarf_value(DwarfCursor& cursor, DwarfForm form, const DwarfWidths& widths) {
  if (form == DwarfForm::string) {
    cursor.skip_text();
    return true;
  }
  if (form == DwarfForm::data16) {
    cursor.skip(16);
    return true;
  }
  const auto number = dwarf_number(cursor, form, widths);
  if (number && is_dwarf_block(form)) cursor.skip(*number);
  return number.has_value();
}

}  // namespace panicroom
