#include "core/types/type_catalog.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"

namespace panicroom {

namespace {

// Far beyond any kernel's: they end walks through types that refer to themselves.
constexpr unsigned kChainLimit = 64;
constexpr unsigned kNestingLimit = 32;
constexpr std::uint64_t kSearchLimit = std::uint64_t{1} << 17;  // members and names for their types
constexpr std::uint64_t kBitsPerByte = 8;
// So that offsets in bits can be added without an overflow.
constexpr std::uint64_t kSizeLimit = std::uint64_t{1} << 48;

bool is_composite(TypeKind kind) { return kind == TypeKind::structure || kind == TypeKind::union_; }

Failure corrupt(std::string text) { return fail(ErrorCode::corrupt, std::move(text)); }

Failure endless() { return corrupt("the types' anonymous members repeat without end"); }

/// One step of a member's path: "mem" and the indices of "mem[0][1]".
struct PathStep {
  std::string_view name;
  std::vector<std::uint64_t> indices;
};

Failure bad_path(std::string_view path) {
  return fail(ErrorCode::invalid,
              fmt::format("'{}' is not a member's path such as a.b[0]", printable(path)));
}

Result<std::vector<PathStep>> parse_path(std::string_view path) {
  std::vector<PathStep> steps;
  std::string_view rest = path;
  for (bool more = true; more;) {
    const auto dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (more) rest.remove_prefix(dot + 1);
    PathStep step;
    step.name = part.substr(0, part.find('['));
    part.remove_prefix(step.name.size());
    if (step.name.empty()) return bad_path(path);
    while (!part.empty()) {
      const auto close = part.find(']');
      if (part.front() != '[' || close == std::string_view::npos) return bad_path(path);
      std::uint64_t index = 0;
      const char* end = part.data() + close;
      const auto [stopped, error] = std::from_chars(part.data() + 1, end, index);
      if (error != std::errc{} || stopped != end) return bad_path(path);
      step.indices.push_back(index);
      part.remove_prefix(close + 1);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

/// A place within a structure on the way to a member.
struct Place {
  TypeRef type;
  std::uint64_t bit = 0;       // from the start of the structure
  std::uint32_t bit_size = 0;  // of a bit-field, else 0
};

Result<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  const auto value = checked_mul(a, b);
  if (!value || *value > kSizeLimit) return corrupt("a type's size overflows");
  return *value;
}

/// Each name costs one of `budget`.
Result<PlainType> plain_within(TypeRef ref, std::uint64_t& budget) {
  for (unsigned i = 0; i < kChainLimit; ++i) {
    if (budget == 0) return endless();
    --budget;
    PANICROOM_TRY(type, ref.graph->type(ref.id));
    switch (type.kind) {
      case TypeKind::typedef_:
      case TypeKind::const_:
      case TypeKind::volatile_:
      case TypeKind::restrict_:
      case TypeKind::attribute:
        ref.id = type.target;
        break;
      default:
        return PlainType{ref, type};
    }
  }
  return corrupt(fmt::format("type {} is a chain of more than {} names", ref.id, kChainLimit));
}

Result<std::optional<Place>> search(TypeRef structure, std::string_view name, unsigned depth,
                                    std::uint64_t& budget) {
  if (depth == kNestingLimit) return corrupt("the types' anonymous members nest without end");
  std::optional<Place> found;
  std::optional<Error> stopped;
  const auto read = structure.graph->members(structure.id, [&](const TypeMember& member) {
    const auto stop = [&](Error error) {
      stopped = std::move(error);
      return false;
    };
    if (budget == 0) return stop(endless().value());
    --budget;
    const TypeRef type{structure.graph, member.type};
    if (!member.name.empty()) {
      if (member.name != name) return true;
      found = Place{type, member.bit, member.bit_size};
      return false;
    }
    const auto inner = plain_within(type, budget);
    if (!inner) return stop(inner.error());
    if (!is_composite(inner->type.kind)) return true;
    auto within = search(inner->ref, name, depth + 1, budget);
    if (!within) return stop(within.error());
    if (!*within) return true;
    found = **within;
    found->bit += member.bit;
    return false;
  });
  if (stopped) return Failure(*stopped);
  if (!read) return Failure(read.error());
  return found;
}

/// The member `name` of the structure at `place`, through its anonymous members.
Result<Place> descend(const Place& place, std::string_view name) {
  PANICROOM_TRY(structure, plain(place.type));
  if (!is_composite(structure.type.kind))
    return fail(ErrorCode::no_type,
                fmt::format("member {} is asked of what is no structure", printable(name)));
  std::uint64_t budget = kSearchLimit;
  auto found = search(structure.ref, name, 0, budget);
  if (!found)
    return Failure(found.error().within(fmt::format("looking for member {}", printable(name))));
  if (!*found)
    return fail(ErrorCode::no_type,
                fmt::format("{} {} has no member {}",
                            structure.type.kind == TypeKind::union_ ? "union" : "struct",
                            printable(structure.type.name), printable(name)));
  (*found)->bit += place.bit;
  if ((*found)->bit / kBitsPerByte > kSizeLimit) return corrupt("a member's offset overflows");
  return **found;
}

Result<Place> element_at(const Place& place, std::uint64_t index) {
  PANICROOM_TRY(array, plain(place.type));
  if (array.type.kind != TypeKind::array)
    return fail(ErrorCode::no_type, fmt::format("[{}] is asked of what is no array", index));
  // A flexible array's length is not in the types.
  if (array.type.count != 0 && index >= array.type.count)
    return fail(ErrorCode::no_type,
                fmt::format("[{}] is outside an array of {}", index, array.type.count));
  const TypeRef element{array.ref.graph, array.type.target};
  PANICROOM_TRY(unit, size_of(element));
  PANICROOM_TRY(distance, product(unit, index));
  const std::uint64_t bit = place.bit + distance * kBitsPerByte;
  if (bit / kBitsPerByte > kSizeLimit) return corrupt("a member's offset overflows");
  return Place{element, bit, 0};
}

/// Chooses the integer that holds the bits: the declared type at its own alignment, or for packed
/// structures the smallest that begins at the first byte.
Result<Member> bit_field(Member member, const Place& place) {
  std::uint64_t bits = member.size * kBitsPerByte;
  std::uint64_t start = bits == 0 ? place.bit : place.bit / bits * bits;
  if (bits == 0 || place.bit - start + place.bit_size > bits) {
    start = round_down(place.bit, kBitsPerByte);
    for (bits = kBitsPerByte; bits < place.bit - start + place.bit_size; bits *= 2)
      if (bits == 64) return corrupt("a bit-field is wider than 64 bits");
  }
  member.offset = start / kBitsPerByte;
  member.size = bits / kBitsPerByte;
  member.count = 1;
  member.bit_size = place.bit_size;
  const std::uint64_t from_start = place.bit - start;
  // On big-endian machines bits are counted from the most significant one.
  member.bit_offset = static_cast<std::uint32_t>(place.type.graph->order() == std::endian::little
                                                     ? from_start
                                                     : bits - from_start - place.bit_size);
  return member;
}

Result<Member> member_at(Place place) {
  Member member;
  member.type = place.type;
  PANICROOM_TRY(element, plain(place.type));
  for (unsigned i = 0; element.type.kind == TypeKind::array; ++i) {
    if (i == kChainLimit) return corrupt("an array has too many dimensions");
    PANICROOM_TRY(count, product(member.count, element.type.count));
    member.count = count;
    PANICROOM_TRY(next, plain({element.ref.graph, element.type.target}));
    element = next;
  }
  PANICROOM_TRY(unit, size_of(element.ref));
  PANICROOM_TRY(bytes, product(unit, member.count));
  member.size = bytes;
  member.is_signed = element.type.is_signed;
  if (element.type.kind == TypeKind::integer && place.bit_size == 0 && element.type.bits != 0) {
    place.bit_size = element.type.bits;
    place.bit += element.type.bit_offset;
  }
  if (place.bit_size != 0) return bit_field(member, place);
  if (place.bit % kBitsPerByte != 0) return corrupt("a member does not begin at a byte");
  member.offset = place.bit / kBitsPerByte;
  return member;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// "struct proc" -> structure, "proc".
std::pair<std::optional<TypeName>, std::string_view> name_space_of(std::string_view written) {
  constexpr std::array<std::pair<std::string_view, TypeName>, 3> keywords = {
      {{"struct", TypeName::structure},
       {"union", TypeName::union_},
       {"enum", TypeName::enumeration}}};
  for (const auto& [keyword, space] : keywords)
    if (written.starts_with(keyword) && written.size() > keyword.size() &&
        (written[keyword.size()] == ' ' || written[keyword.size()] == '\t'))
      return {space, trimmed(written.substr(keyword.size()))};
  return {std::nullopt, written};
}

}  // namespace

Result<PlainType> plain(TypeRef type) {
  std::uint64_t budget = kChainLimit;
  return plain_within(type, budget);
}

Result<std::uint64_t> size_of(TypeRef ref) {
  std::uint64_t count = 1;
  for (unsigned i = 0; i < kChainLimit; ++i) {
    PANICROOM_TRY(type, plain(ref));
    switch (type.type.kind) {
      case TypeKind::integer:
      case TypeKind::floating:
      case TypeKind::pointer:
      case TypeKind::structure:
      case TypeKind::union_:
      case TypeKind::enumeration:
        return product(count, type.type.size);
      case TypeKind::array:
        break;
      default:
        return fail(ErrorCode::no_type, fmt::format("type {} has no size", type.ref.id));
    }
    PANICROOM_TRY(elements, product(count, type.type.count));
    count = elements;
    ref = {type.ref.graph, type.type.target};
  }
  return corrupt(fmt::format("type {} is an array of too many dimensions", ref.id));
}

Result<Member> place_member(TypeGraph& graph, const TypeMember& member) {
  return member_at({{&graph, member.type}, member.bit, member.bit_size});
}

Result<Member> member_of(TypeRef structure, std::string_view path) {
  PANICROOM_TRY(steps, parse_path(path));
  Place place{structure, 0, 0};
  for (const PathStep& step : steps) {
    PANICROOM_TRY(next, descend(place, step.name));
    place = next;
    for (const std::uint64_t index : step.indices) {
      PANICROOM_TRY(element, element_at(place, index));
      place = element;
    }
  }
  return member_at(place);
}

TypeCatalog::TypeCatalog(std::shared_ptr<TypeGraph> kernel, std::function<Graphs()> modules,
                         std::vector<Note> remarks)
    : kernel_(std::move(kernel)), load_modules_(std::move(modules)), remarks_(std::move(remarks)) {}

std::vector<Note> TypeCatalog::take_remarks() const { return std::exchange(remarks_, {}); }

template <class Answer>
std::optional<std::pair<TypeGraph*, Answer>> TypeCatalog::first_of_modules(
    const std::function<Result<Answer>(TypeGraph&)>& ask) const {
  for (const auto& module : modules()) {
    auto answer = ask(*module);
    if (answer) return std::pair(module.get(), *answer);
    if (answer.error().code != ErrorCode::no_type && damaged_.insert(module.get()).second)
      remarks_.push_back(note_of(answer.error().within(
          fmt::format("a part of the types ({}) is left out", module->origin()))));
  }
  return std::nullopt;
}

const TypeCatalog::Graphs& TypeCatalog::modules() const {
  if (!modules_) modules_ = load_modules_ ? load_modules_() : Graphs();
  return *modules_;
}

Result<TypeRef> TypeCatalog::find(std::string_view written) const {
  const auto wanted = name_space_of(trimmed(written));
  if (wanted.second.empty())
    return fail(ErrorCode::invalid,
                fmt::format("'{}' is not a type's name such as struct proc", printable(written)));
  const auto find_in = [&wanted](TypeGraph& graph) {
    return graph.find(wanted.second, wanted.first);
  };
  auto found = find_in(*kernel_);
  if (found) return TypeRef{kernel_.get(), *found};
  const auto in_module = first_of_modules<TypeId>(find_in);
  if (in_module) return TypeRef{in_module->first, in_module->second};
  return Failure(std::move(found).error());
}

Result<TypeRef> TypeCatalog::variable(std::string_view name) const {
  auto found = kernel_->variable(name);
  if (found) return TypeRef{kernel_.get(), *found};
  const auto in_module =
      first_of_modules<TypeId>([&](TypeGraph& module) { return module.variable(name); });
  if (in_module) return TypeRef{in_module->first, in_module->second};
  return Failure(std::move(found).error());
}

Result<std::uint64_t> TypeCatalog::size_of(std::string_view type) const {
  PANICROOM_TRY(ref, find(type));
  return panicroom::size_of(ref);
}

Result<Member> TypeCatalog::member(std::string_view structure, std::string_view path) const {
  std::string question(structure);
  question.append(1, '\0').append(path);
  const auto known = members_.find(question);
  if (known != members_.end()) return known->second;
  const auto ask = [&]() -> Result<Member> {
    PANICROOM_TRY(type, find(structure));
    return member_of(type, path);
  };
  return members_.emplace(std::move(question), ask()).first->second;
}

Result<std::int64_t> TypeCatalog::enumerator(std::string_view name) const {
  auto found = kernel_->enumerator(name);
  if (found) return *found;
  const auto in_module =
      first_of_modules<std::int64_t>([&](TypeGraph& module) { return module.enumerator(name); });
  if (in_module) return in_module->second;
  return Failure(std::move(found).error());
}

}  // namespace panicroom
