#include "tests/foundry/ctf_writer.h"

#include <zlib.h>

#include <stdexcept>
#include <utility>

namespace foundry {

CtfWriter::CtfWriter(CtfStyle style) : style_(std::move(style)) {
  if (!style_.parent.empty()) parent_name_ = string(style_.parent);
}

unsigned CtfWriter::string(const std::string& text) {
  if (text.empty()) return 0;
  const auto at = static_cast<unsigned>(strings_.size());
  append(strings_, text);
  strings_.push_back(0);
  return at;
}

unsigned CtfWriter::start(const std::string& name, unsigned kind, unsigned count, bool root,
                          std::uint64_t size_or_type, bool is_size) {
  number(string(name), 4);
  const std::uint64_t most = style_.version == 2 ? 0xfffe : 0xfffffffe;
  const bool long_size = is_size && size_or_type > most;
  if (style_.version == 2) {
    number(kind * 2048 + (root ? 1024 : 0) + count, 2);
    number(long_size ? 0xffff : size_or_type, 2);
  } else {
    number(std::uint64_t{kind} * 0x4000000 + (root ? 0x2000000 : 0) + count, 4);
    number(long_size ? 0xffffffff : size_or_type, 4);
  }
  if (long_size) number(size_or_type / 0x100000000, 4), number(size_or_type % 0x100000000, 4);
  ++count_;
  if (style_.parent.empty()) return count_;
  return count_ + (style_.version == 2 ? 0x8000U : 0x80000000U);
}

unsigned CtfWriter::integer(const std::string& name, unsigned bytes, unsigned encoding,
                            unsigned bits, bool root) {
  const unsigned id = start(name, 1, 0, root, bytes, true);
  number(encoding * 0x1000000 + bits, 4);
  return id;
}

unsigned CtfWriter::floating(const std::string& name, unsigned bytes) {
  const unsigned id = start(name, 2, 0, true, bytes, true);
  number((bytes == 4 ? 1U : 2U) * 0x1000000 + bytes * 8, 4);
  return id;
}

unsigned CtfWriter::array(unsigned element, unsigned index, unsigned count) {
  const unsigned id = start("", 4, 0, false, 0, false);
  number(element, id_width()), number(index, id_width()), number(count, 4);
  return id;
}

unsigned CtfWriter::function(unsigned returns, std::vector<unsigned> arguments, bool variadic) {
  if (variadic) arguments.push_back(0);
  const unsigned id = start("", 5, static_cast<unsigned>(arguments.size()), false, returns, false);
  for (const unsigned argument : arguments) number(argument, id_width());
  if (style_.version == 2 && arguments.size() % 2 != 0) number(0, 2);
  return id;
}

unsigned CtfWriter::structure(const std::string& name, std::uint64_t bytes,
                              const std::vector<Member>& members, bool is_union, bool root) {
  const unsigned id =
      start(name, is_union ? 7 : 6, static_cast<unsigned>(members.size()), root, bytes, true);
  const bool wide = bytes >= (style_.version == 2 ? 8192U : 536870912U);
  for (const Member& member : members) {
    number(string(member.name), 4);
    number(member.type, id_width());
    if (!wide) {
      number(member.bit_offset, id_width());
      continue;
    }
    if (style_.version == 2) number(0, 2);
    number(member.bit_offset / 0x100000000, 4), number(member.bit_offset % 0x100000000, 4);
  }
  return id;
}

unsigned CtfWriter::enumeration(const std::string& name, unsigned bytes,
                                const std::vector<std::pair<std::string, std::int64_t>>& values) {
  const unsigned id = start(name, 8, static_cast<unsigned>(values.size()), true, bytes, true);
  for (const auto& [text, value] : values)
    number(string(text), 4), number(static_cast<std::uint64_t>(value) & 0xffffffff, 4);
  return id;
}

unsigned CtfWriter::reference(unsigned kind, const std::string& name, unsigned to) {
  return start(name, kind, 0, true, to, false);
}

Blob CtfWriter::finish(const std::vector<unsigned>& objects) const {
  Blob payload;
  for (const unsigned type : objects) append(payload, type, id_width(), style_.big);
  const std::size_t functions = payload.size();
  while (payload.size() % 4 != 0) payload.push_back(0);
  const std::size_t types = payload.size();
  payload.insert(payload.end(), types_.begin(), types_.end());
  const std::size_t strings = payload.size();
  payload.insert(payload.end(), strings_.begin(), strings_.end());

  Blob out;
  append(out, 0xcff1, 2, style_.big), append(out, style_.version, 1);
  append(out, style_.compressed ? 1 : 0, 1);
  const std::size_t fields[8] = {0, parent_name_, 0, 0, functions, types, strings, strings_.size()};
  for (const std::size_t field : fields) append(out, field, 4, style_.big);
  if (!style_.compressed) {
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
  }
  uLongf size = compressBound(payload.size());
  Blob packed(size);
  if (compress(packed.data(), &size, payload.data(), payload.size()) != Z_OK)
    throw std::runtime_error("CTF cannot be compressed");
  out.insert(out.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
  return out;
}

}  // namespace foundry
