#include "tests/foundry/btf_writer.h"

#include <algorithm>

namespace foundry {
namespace {

constexpr unsigned kind_int = 1, kind_pointer = 2, kind_array = 3, kind_struct = 4,
                   kind_typedef = 8;

}  // namespace

unsigned BtfWriter::string(const std::string& text) {
  if (text.empty()) return 0;
  const auto at = static_cast<unsigned>(strings_.size());
  append(strings_, text);
  strings_.push_back(0);
  return at;
}

unsigned BtfWriter::start(const std::string& name, unsigned kind, unsigned count, bool kind_flag,
                          unsigned size_or_type) {
  append(types_, string(name), 4);
  append(types_, count | kind << 24U | (kind_flag ? 1U << 31U : 0U), 4);
  append(types_, size_or_type, 4);
  return ++count_;
}

unsigned BtfWriter::integer(const std::string& name, unsigned bytes, bool is_signed) {
  const unsigned id = start(name, kind_int, 0, false, bytes);
  append(types_, (is_signed ? 1U << 24U : 0U) | bytes * 8, 4);
  return id;
}

unsigned BtfWriter::pointer(unsigned to) { return start("", kind_pointer, 0, false, to); }

unsigned BtfWriter::array(unsigned element, unsigned count) {
  const unsigned id = start("", kind_array, 0, false, 0);
  append(types_, element, 4), append(types_, element, 4), append(types_, count, 4);
  return id;
}

unsigned BtfWriter::structure(const std::string& name, unsigned bytes,
                              const std::vector<Member>& members) {
  const bool bit_fields = std::any_of(members.begin(), members.end(),
                                      [](const Member& member) { return member.bit_size != 0; });
  const unsigned id =
      start(name, kind_struct, static_cast<unsigned>(members.size()), bit_fields, bytes);
  for (const Member& member : members) {
    append(types_, string(member.name), 4);
    append(types_, member.type, 4);
    append(types_, member.bit_offset | (bit_fields ? member.bit_size << 24U : 0U), 4);
  }
  return id;
}

unsigned BtfWriter::type_definition(const std::string& name, unsigned type) {
  return start(name, kind_typedef, 0, false, type);
}

Blob BtfWriter::finish() const {
  Blob out;
  append(out, 0xeb9f, 2), append(out, 1, 1), append(out, 0, 1), append(out, 24, 4);
  append(out, 0, 4), append(out, types_.size(), 4), append(out, types_.size(), 4),
      append(out, strings_.size(), 4);
  out.insert(out.end(), types_.begin(), types_.end());
  out.insert(out.end(), strings_.begin(), strings_.end());
  return out;
}

}  // namespace foundry
