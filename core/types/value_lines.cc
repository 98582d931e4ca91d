#include "core/types/value_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/arithmetic.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kLinesLimit = std::uint64_t{1} << 17;
constexpr std::size_t kTextLimit = 4096, kPointedTextLimit = 64;
constexpr unsigned kNamesLimit = 16;    // of a type: what names what
constexpr std::uint64_t kRepeats = 10;  // equal elements from which on they are counted

using What = ValueLine::What;

bool is_composite(TypeKind kind) { return kind == TypeKind::structure || kind == TypeKind::union_; }

/// `char` under any of its names' qualifiers, but not u8 and its like, which are numbers.
bool is_character(TypeRef ref) {
  for (unsigned i = 0; i < kNamesLimit; ++i) {
    const auto type = ref.graph->type(ref.id);
    if (!type) return false;
    switch (type->kind) {
      case TypeKind::const_:
      case TypeKind::volatile_:
      case TypeKind::attribute:
        ref.id = type->target;
        break;
      case TypeKind::integer:
        return type->size == 1 && type->name == "char";
      default:
        return false;
    }
  }
  return false;
}

std::string escaped(std::string_view bytes) {
  std::string out = "\"";
  for (const char c : bytes) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\0')
      out += "\\000";
    else
      out += c;
  }
  return out + '"';
}

class Printer {
 public:
  Printer(AddressSpace& memory, const ValueWords& words, const ValueLimits& limits,
          const std::function<bool(const ValueLine&)>& visit)
      : memory_(memory), words_(words), limits_(limits), visit_(visit) {}

  Result<void> print(const Place& place, const std::string& name, const std::string& path,
                     unsigned depth) {
    if (ended_) return {};
    PANICROOM_TRY(type, plain(place.type));
    ValueLine line;
    line.depth = depth;
    line.name = name;
    line.path = path;
    line.place = place;
    if (is_composite(type.type.kind)) return structure(type, std::move(line));
    if (type.type.kind == TypeKind::array) return array(type, std::move(line));
    auto text = scalar(place, type);
    line.what = text ? What::scalar : What::missing;
    line.text = text ? std::move(*text) : text.error().message();
    emit(line);
    return {};
  }

 private:
  Result<void> structure(const PlainType& type, ValueLine line) {
    line.what = What::opening;
    emit(line);
    if (line.depth >= limits_.depth) {
      ValueLine more = line;
      more.what = What::left_out;
      more.name.clear();
      more.text = "...";
      ++more.depth;
      emit(more);
    } else {
      std::optional<Error> stopped;
      const auto read = type.ref.graph->members(type.ref.id, [&](const TypeMember& member) {
        if (const auto done = one_member(type, line, member); !done) stopped = done.error();
        return !stopped && !ended_;
      });
      if (stopped) return Failure(*stopped);
      if (!read) return Failure(read.error());
    }
    line.what = What::closing;
    emit(line);
    return {};
  }

  Result<void> one_member(const PlainType& type, const ValueLine& line, const TypeMember& member) {
    const std::string name(member.name);
    const std::string path = name.empty()        ? line.path
                             : line.path.empty() ? name
                                                 : line.path + "." + name;
    const auto placed = place_member(*type.ref.graph, member);
    if (placed) return print(place_of(line.place.address, *placed), name, path, line.depth + 1);
    if (placed.error().code != ErrorCode::no_type) return Failure(placed.error());
    ValueLine unknown;
    unknown.what = What::missing;
    unknown.depth = line.depth + 1;
    unknown.name = name;
    unknown.path = path;
    unknown.text = placed.error().message();
    emit(unknown);
    return {};
  }

  Result<void> array(const PlainType& type, ValueLine line) {
    const TypeRef element{type.ref.graph, type.type.target};
    const std::uint64_t count = type.type.count;
    if (is_character(element)) {
      auto text = characters(line.place.address, count);
      line.what = text ? What::scalar : What::missing;
      line.text = text ? std::move(*text) : text.error().message();
      emit(line);
      return {};
    }
    PANICROOM_TRY(inner, plain(element));
    PANICROOM_TRY(size, size_of(element));
    const std::uint64_t shown = std::min(count, limits_.elements);
    if (!is_composite(inner.type.kind) && inner.type.kind != TypeKind::array) {
      numbers(element, inner, size, count, line);
      return {};
    }
    line.what = What::opening;
    emit(line);
    for (std::uint64_t i = 0; i < shown && !ended_; ++i) {
      const std::string index = fmt::format("[{}]", i);
      PANICROOM_CHECK(print({element, line.place.address + i * size, 0, 0, 0}, index,
                            line.path + index, line.depth + 1));
    }
    if (shown < count) {
      ValueLine more = line;
      more.what = What::left_out;
      more.name.clear();
      more.text = fmt::format("... {} more", count - shown);
      ++more.depth;
      emit(more);
    }
    line.what = What::closing;
    emit(line);
    return {};
  }

  /// "{1, 2, 0 <repeats 14 times>}"
  void numbers(TypeRef element, const PlainType& inner, std::uint64_t size, std::uint64_t count,
               ValueLine line) {
    std::string text = "{";
    const std::uint64_t shown = std::min(count, limits_.elements);
    const auto append = [&text](const std::string& value, std::uint64_t times) {
      for (std::uint64_t i = 0; i < (times < kRepeats ? times : 1); ++i)
        text += (text.size() == 1 ? "" : ", ") + value;
      if (times >= kRepeats) text += fmt::format(" <repeats {} times>", times);
    };
    std::string before;
    std::uint64_t times = 0;
    for (std::uint64_t i = 0; i < shown; ++i) {
      auto value = scalar({element, line.place.address + i * size, 0, 0, 0}, inner);
      if (!value) {
        line.what = What::missing;
        line.text = value.error().message();
        emit(line);
        return;
      }
      if (times != 0 && *value != before) {
        append(before, times);
        times = 0;
      }
      before = std::move(*value);
      ++times;
    }
    if (times != 0) append(before, times);
    if (shown < count) text += fmt::format(", ... {} more", count - shown);
    line.text = text + "}";
    emit(line);
  }

  /// An array of char: the text in it; what follows its end only where that is not all zero.
  Result<std::string> characters(std::uint64_t address, std::uint64_t count) {
    if (count == 0) {  // a flexible array: its length is not in the types
      PANICROOM_TRY(text, memory_.string(address, kPointedTextLimit));
      return escaped(text);
    }
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(count, kTextLimit));
    std::string bytes(length, '\0');
    PANICROOM_CHECK(memory_.read(
        address, MutableBytes(reinterpret_cast<std::byte*>(bytes.data()), bytes.size())));
    const auto last = bytes.find_last_not_of('\0');
    bytes.resize(last == std::string::npos ? 0 : last + 1);
    std::string text = escaped(bytes);
    if (length < count) text += fmt::format("... {} more", count - length);
    return text;
  }

  Result<std::string> scalar(const Place& place, const PlainType& type) {
    switch (type.type.kind) {
      case TypeKind::pointer: {
        PANICROOM_TRY(value, number_at(memory_, place));
        return pointer(value, {type.ref.graph, type.type.target}) + meaning(place.type, value);
      }
      case TypeKind::integer: {
        PANICROOM_TRY(value, number_at(memory_, place));
        if (type.type.is_bool) return std::string(value != 0 ? "true" : "false");
        std::string text = type.type.is_signed ? fmt::format("{}", static_cast<std::int64_t>(value))
                                               : fmt::format("{}", value);
        if (type.type.size == 1 && type.type.name == "char" && value > 0x20 && value < 0x7f)
          text += fmt::format(" '{}'", static_cast<char>(value));
        return text;
      }
      case TypeKind::enumeration: {
        PANICROOM_TRY(value, number_at(memory_, place));
        return enumerator(type, static_cast<std::int64_t>(value));
      }
      case TypeKind::floating: {
        PANICROOM_TRY(value, memory_.integer(place.address, type.type.size));
        return fmt::format("{:#x} (the bits of a floating-point number)", value);
      }
      default:
        return fail(ErrorCode::no_type, "only the name of this type is known, not what it holds");
    }
  }

  std::string pointer(std::uint64_t value, TypeRef target) {
    std::string text = fmt::format("{:#x}", value);
    if (value == 0) return text;
    if (words_.symbols)
      if (const auto symbol = words_.symbols->at(value)) {
        const std::uint64_t offset = value - symbol->address;
        text += offset == 0 ? fmt::format(" <{}>", symbol->name)
                            : fmt::format(" <{}+{}>", symbol->name, offset);
      }
    if (is_character(target))
      if (const auto pointed = memory_.string(value, kPointedTextLimit))
        text += " " + escaped(*pointed);
    return text;
  }

  /// " (sum over processors: 5)", where a name of the type has such a meaning.
  std::string meaning(TypeRef ref, std::uint64_t value) {
    if (!words_.pointers || value == 0) return "";
    for (unsigned i = 0; i < kNamesLimit; ++i) {
      const auto type = ref.graph->type(ref.id);
      if (!type || type->kind == TypeKind::pointer) break;
      if (type->kind == TypeKind::typedef_)
        if (const auto words = words_.pointers(type->name, value)) return " (" + *words + ")";
      ref.id = type->target;
    }
    return "";
  }

  Result<std::string> enumerator(const PlainType& type, std::int64_t value) {
    std::string text;
    std::uint64_t budget = kLinesLimit;
    PANICROOM_CHECK(type.ref.graph->enumerators(type.ref.id, [&](const TypeEnumerator& enumerator) {
      if (enumerator.value == value) text = enumerator.name;
      return text.empty() && --budget != 0;
    }));
    return text.empty() ? fmt::format("{}", value) : text;
  }

  void emit(const ValueLine& line) {
    if (ended_) return;
    if (lines_++ == kLinesLimit) {
      ValueLine last;
      last.what = What::left_out;
      last.text = "... more lines than are shown of one value";
      visit_(last);
      ended_ = true;
    } else {
      ended_ = !visit_(line);
    }
  }

  AddressSpace& memory_;
  const ValueWords& words_;
  const ValueLimits& limits_;
  const std::function<bool(const ValueLine&)>& visit_;
  std::uint64_t lines_ = 0;
  bool ended_ = false;
};

}  // namespace

Place place_of(std::uint64_t address, const Member& member) {
  return {member.type, address + member.offset, member.bit_offset, member.bit_size, member.size};
}

Result<std::uint64_t> number_at(AddressSpace& memory, const Place& place) {
  PANICROOM_TRY(type, plain(place.type));
  switch (type.type.kind) {
    case TypeKind::integer:
    case TypeKind::pointer:
    case TypeKind::enumeration:
      break;
    default:
      return fail(ErrorCode::no_type, "this is no number");
  }
  std::uint64_t bits = type.type.size * 8;
  PANICROOM_TRY(value,
                memory.integer(place.address, place.bit_size != 0 ? place.unit : type.type.size));
  if (place.bit_size != 0) {
    bits = place.bit_size;
    value = place.bit_offset < 64 ? value >> place.bit_offset : 0;
  }
  if (bits >= 64 || bits == 0) return value;
  value &= (std::uint64_t{1} << bits) - 1;
  return type.type.is_signed ? sign_extend(value, static_cast<unsigned>(bits)) : value;
}

Result<void> value_lines(AddressSpace& memory, const ValueWords& words, const Place& place,
                         const ValueLimits& limits,
                         const std::function<bool(const ValueLine&)>& visit) {
  return Printer(memory, words, limits, visit).print(place, "", "", 0);
}

}  // namespace panicroom
