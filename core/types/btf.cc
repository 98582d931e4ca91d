#include "core/types/btf.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/types/btf_index.h"

namespace panicroom {

namespace {

// Far beyond any kernel's: they end walks through types that refer to themselves.
constexpr unsigned kChainLimit = 64;
constexpr unsigned kNestingLimit = 32;
constexpr std::uint64_t kSearchLimit = std::uint64_t{1} << 17;  // members and names for their types
constexpr std::uint64_t kBlobLimit = std::uint64_t{64} << 20;
constexpr std::uint64_t kBitsPerByte = 8;
// So that offsets in bits can be added without an overflow.
constexpr std::uint64_t kSizeLimit = std::uint64_t{1} << 48;

bool is_composite(BtfKind kind) { return kind == BtfKind::structure || kind == BtfKind::union_; }

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
  std::uint32_t type = 0;
  std::uint64_t bit = 0;       // from the start of the structure
  std::uint32_t bit_size = 0;  // of a bit-field, else 0
};

struct ArrayOf {
  std::uint32_t element = 0;
  std::uint64_t count = 0;
};

class Btf final : public TypeCatalog {
 public:
  Btf(BtfIndex index, std::endian order, std::string origin)
      : index_(std::move(index)), order_(order), origin_(std::move(origin)) {}

  std::string_view origin() const override { return origin_; }

  Result<std::uint64_t> size_of(std::string_view structure) const override {
    PANICROOM_TRY(id, index_.named(structure));
    return size(id);
  }

  Result<std::int64_t> enumerator(std::string_view name) const override {
    return index_.enumerator(name);
  }

  Result<Member> member(std::string_view structure, std::string_view path) const override {
    std::string question(structure);
    question.append(1, '\0').append(path);
    const auto known = members_.find(question);
    if (known != members_.end()) return known->second;
    return members_.emplace(std::move(question), find_member(structure, path)).first->second;
  }

 private:
  using Stripped = std::pair<std::uint32_t, BtfType>;

  Result<Member> find_member(std::string_view structure, std::string_view path) const {
    PANICROOM_TRY(steps, parse_path(path));
    PANICROOM_TRY(id, index_.named(structure));
    Place place{id, 0, 0};
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

  /// The type behind typedefs and qualifiers, with its id. Each costs one of `budget`.
  Result<Stripped> strip(std::uint32_t id, std::uint64_t& budget) const {
    for (unsigned i = 0; i < kChainLimit; ++i) {
      if (budget == 0) return endless();
      --budget;
      PANICROOM_TRY(type, index_.type(id));
      switch (type.kind) {
        case BtfKind::typedef_:
        case BtfKind::volatile_:
        case BtfKind::const_:
        case BtfKind::restrict_:
        case BtfKind::type_tag:
          id = type.size_or_type;
          break;
        default:
          return Stripped{id, type};
      }
    }
    return fail(ErrorCode::corrupt,
                fmt::format("BTF type {} is a chain of more than {} names", id, kChainLimit));
  }

  Result<Stripped> strip(std::uint32_t id) const {
    std::uint64_t budget = kChainLimit;
    return strip(id, budget);
  }

  static Failure endless() {
    return fail(ErrorCode::corrupt, "BTF's anonymous members repeat without end");
  }

  Result<ArrayOf> array(const BtfType& type) const {
    PANICROOM_TRY(element, index_.u32(type.records));
    PANICROOM_TRY(count, index_.u32(type.records + 8));
    return ArrayOf{element, count};
  }

  Result<std::uint64_t> size(std::uint32_t id) const {
    std::uint64_t count = 1;
    for (unsigned i = 0; i < kChainLimit; ++i) {
      PANICROOM_TRY(stripped, strip(id));
      const BtfType& type = stripped.second;
      std::uint64_t unit = 0;
      switch (type.kind) {
        case BtfKind::integer:
        case BtfKind::structure:
        case BtfKind::union_:
        case BtfKind::enumeration:
        case BtfKind::enumeration64:
        case BtfKind::floating:
          unit = type.size_or_type;
          break;
        case BtfKind::pointer:
          unit = index_.pointer_size();
          break;
        case BtfKind::array:
          break;
        default:
          return fail(ErrorCode::no_type, fmt::format("BTF type {} has no size", stripped.first));
      }
      if (type.kind != BtfKind::array) return product(count, unit);
      PANICROOM_TRY(of, array(type));
      PANICROOM_TRY(elements, product(count, of.count));
      count = elements;
      id = of.element;
    }
    return fail(ErrorCode::corrupt,
                fmt::format("BTF type {} is an array of too many dimensions", id));
  }

  static Result<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
    const auto value = checked_mul(a, b);
    if (!value || *value > kSizeLimit)
      return fail(ErrorCode::corrupt, "a BTF type's size overflows");
    return *value;
  }

  /// The member `name` of the structure at `place`, through its anonymous members.
  Result<Place> descend(const Place& place, std::string_view name) const {
    PANICROOM_TRY(stripped, strip(place.type));
    if (!is_composite(stripped.second.kind))
      return fail(ErrorCode::no_type,
                  fmt::format("member {} is asked of what is no structure", printable(name)));
    std::uint64_t budget = kSearchLimit;
    const auto searched = search(stripped.second, name, 0, budget);
    if (!searched)
      return Failure(
          searched.error().within(fmt::format("looking for member {}", printable(name))));
    auto found = *searched;
    if (!found)
      return fail(ErrorCode::no_type,
                  fmt::format("{} {} has no member {}",
                              stripped.second.kind == BtfKind::union_ ? "union" : "struct",
                              printable(index_.text(stripped.second.name)), printable(name)));
    found->bit += place.bit;
    if (found->bit / kBitsPerByte > kSizeLimit)
      return fail(ErrorCode::corrupt, "a BTF member's offset overflows");
    return *found;
  }

  Result<std::optional<Place>> search(const BtfType& type, std::string_view name, unsigned depth,
                                      std::uint64_t& budget) const {
    if (depth == kNestingLimit)
      return fail(ErrorCode::corrupt, "BTF's anonymous members nest without end");
    for (std::uint32_t i = 0; i < type.count; ++i) {
      if (budget == 0) return endless();
      --budget;
      const std::uint64_t record = type.records + std::uint64_t{12} * i;
      PANICROOM_TRY(name_offset, index_.u32(record));
      PANICROOM_TRY(member_type, index_.u32(record + 4));
      PANICROOM_TRY(position, index_.u32(record + 8));
      Place place{member_type, position, 0};
      if (type.flag) place = Place{member_type, position & 0xffffff, position >> 24};
      if (name_offset != 0 && !index_.is(name_offset, name)) continue;
      if (name_offset != 0) return std::optional<Place>(place);
      PANICROOM_TRY(inner, strip(member_type, budget));
      if (!is_composite(inner.second.kind)) continue;
      PANICROOM_TRY(found, search(inner.second, name, depth + 1, budget));
      if (!found) continue;
      found->bit += place.bit;
      return found;
    }
    return std::optional<Place>{};
  }

  Result<Place> element_at(const Place& place, std::uint64_t index) const {
    PANICROOM_TRY(stripped, strip(place.type));
    if (stripped.second.kind != BtfKind::array)
      return fail(ErrorCode::no_type, fmt::format("[{}] is asked of what is no array", index));
    PANICROOM_TRY(of, array(stripped.second));
    // A flexible array's length is not in the types.
    if (of.count != 0 && index >= of.count)
      return fail(ErrorCode::no_type,
                  fmt::format("[{}] is outside an array of {}", index, of.count));
    PANICROOM_TRY(unit, size(of.element));
    PANICROOM_TRY(distance, product(unit, index));
    const std::uint64_t bit = place.bit + distance * kBitsPerByte;
    if (bit / kBitsPerByte > kSizeLimit)
      return fail(ErrorCode::corrupt, "a BTF member's offset overflows");
    return Place{of.element, bit, 0};
  }

  Result<Member> member_at(Place place) const {
    Member member;
    std::uint32_t element = place.type;
    for (unsigned i = 0;; ++i) {
      PANICROOM_TRY(stripped, strip(element));
      if (stripped.second.kind != BtfKind::array) break;
      if (i == kChainLimit) return fail(ErrorCode::corrupt, "a BTF array has too many dimensions");
      PANICROOM_TRY(of, array(stripped.second));
      PANICROOM_TRY(count, product(member.count, of.count));
      member.count = count;
      element = of.element;
    }
    PANICROOM_TRY(unit, size(element));
    PANICROOM_TRY(bytes, product(unit, member.count));
    PANICROOM_TRY(stripped, strip(element));
    const BtfType& type = stripped.second;
    member.size = bytes;
    if (type.kind == BtfKind::integer) {
      // Bits 24-27: encoding, of which 1 is "signed"; 16-23: offset; 0-7: bits.
      PANICROOM_TRY(encoding, index_.u32(type.records));
      member.is_signed = (encoding >> 24 & 1) != 0;
      const std::uint32_t bits = encoding & 0xff;
      if (place.bit_size == 0 && bits != 0 && bits < unit * kBitsPerByte) {
        place.bit_size = bits;
        place.bit += encoding >> 16 & 0xff;
      }
    } else if (type.kind == BtfKind::enumeration || type.kind == BtfKind::enumeration64) {
      member.is_signed = type.flag;
    }
    if (place.bit_size != 0) return bit_field(member, place);
    if (place.bit % kBitsPerByte != 0)
      return fail(ErrorCode::corrupt, "a BTF member does not begin at a byte");
    member.offset = place.bit / kBitsPerByte;
    return member;
  }

  /// Chooses the integer that holds the bits: the declared type at its own alignment, or for packed
  /// structures the smallest that begins at the first byte.
  Result<Member> bit_field(Member member, const Place& place) const {
    std::uint64_t bits = member.size * kBitsPerByte;
    std::uint64_t start = bits == 0 ? place.bit : place.bit / bits * bits;
    if (bits == 0 || place.bit - start + place.bit_size > bits) {
      start = round_down(place.bit, kBitsPerByte);
      for (bits = kBitsPerByte; bits < place.bit - start + place.bit_size; bits *= 2)
        if (bits == 64) return fail(ErrorCode::corrupt, "a BTF bit-field is wider than 64 bits");
    }
    member.offset = start / kBitsPerByte;
    member.size = bits / kBitsPerByte;
    member.count = 1;
    member.bit_size = place.bit_size;
    const std::uint64_t from_start = place.bit - start;
    // On big-endian machines bits are counted from the most significant one.
    member.bit_offset = static_cast<std::uint32_t>(
        order_ == std::endian::little ? from_start : bits - from_start - place.bit_size);
    return member;
  }

  mutable BtfIndex index_;
  // Every answer, errors too: walks ask the same for each of their elements.
  mutable std::map<std::string, Result<Member>> members_;
  std::endian order_;
  std::string origin_;
};

Result<std::shared_ptr<const TypeCatalog>> open(LazyBytes blob, std::endian order,
                                                std::string origin) {
  PANICROOM_TRY(index, BtfIndex::open(std::move(blob), order));
  return std::make_shared<const Btf>(std::move(index), order, std::move(origin));
}

}  // namespace

Result<std::shared_ptr<const TypeCatalog>> read_btf(std::vector<std::byte> blob, std::endian order,
                                                    std::string origin) {
  return open(LazyBytes(std::move(blob)), order, std::move(origin));
}

Result<std::shared_ptr<const TypeCatalog>> read_btf(AddressSpace& kernel, std::uint64_t start,
                                                    std::uint64_t end, std::string origin) {
  // Page tables may show a few pages as any number of types.
  const std::uint64_t most = std::min(kBlobLimit, present_bytes(kernel.physical().memory()));
  if (end <= start || end - start > most)
    return fail_at_address(
        ErrorCode::corrupt, start,
        fmt::format("BTF cannot lie from here to {:#x}: expected 1 to {} bytes", end, most));
  const auto fetch = [&kernel, start](std::uint64_t offset, MutableBytes out) {
    return kernel.read(start + offset, out);
  };
  return open(LazyBytes(end - start, start, fetch), kernel.machine().order, std::move(origin));
}

}  // namespace panicroom
