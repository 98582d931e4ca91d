#include "core/types/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/base/arithmetic.h"
#include "core/types/declaration.h"
#include "core/types/type_catalog.h"

namespace panicroom {

namespace {

constexpr unsigned kNestingLimit = 32;
constexpr std::uint64_t kLinesLimit = std::uint64_t{1} << 17;
constexpr std::uint64_t kBitsPerByte = 8;

using What = LayoutLine::What;

class Layout {
 public:
  explicit Layout(const std::function<bool(const LayoutLine&)>& visit) : visit_(visit) {}

  Result<LayoutSum> run(TypeRef structure) {
    PANICROOM_TRY(type, plain(structure));
    if (type.type.kind != TypeKind::structure && type.type.kind != TypeKind::union_)
      return fail(ErrorCode::no_type, "only structures and unions have a layout");
    LayoutSum sum;
    sum.size = type.type.size;
    PANICROOM_CHECK(members_of(type, 0, 0, sum));
    return sum;
  }

 private:
  /// Where the members so far end, in bits of the whole structure, and the unit of a last
  /// bit-field.
  struct End {
    std::uint64_t bit = 0, unit = 0;
  };

  Result<void> members_of(const PlainType& structure, std::uint64_t base_bit, unsigned depth,
                          LayoutSum& sum) {
    if (depth == kNestingLimit)
      return fail(ErrorCode::corrupt, "the types' members nest without end");
    const bool is_union = structure.type.kind == TypeKind::union_;
    End end{base_bit, base_bit};
    std::optional<Error> stopped;
    const auto read = structure.ref.graph->members(structure.ref.id, [&](const TypeMember& member) {
      if (const auto done = one(structure.ref.graph, member, base_bit, depth, is_union, end, sum);
          !done)
        stopped = done.error();
      return !stopped && !ended_;
    });
    if (stopped) return Failure(*stopped);
    if (!read) return Failure(read.error());
    if (depth != 0 || is_union || ended_) return {};
    const std::uint64_t all = base_bit + structure.type.size * kBitsPerByte;
    const std::uint64_t unit_end = std::min(std::max(end.unit, end.bit), all);
    sum.padding_bits = unit_end > end.bit ? unit_end - end.bit : 0;
    sum.padding = all > unit_end ? (all - unit_end) / kBitsPerByte : 0;
    return {};
  }

  Result<void> one(TypeGraph* graph, const TypeMember& member, std::uint64_t base_bit,
                   unsigned depth, bool is_union, End& end, LayoutSum& sum) {
    if (lines_++ == kLinesLimit)
      return fail(ErrorCode::corrupt, "the types' members repeat without end");
    if (member.bit > UINT64_MAX / 2 - base_bit) return overflow();
    const std::uint64_t bit = base_bit + member.bit;
    const TypeRef ref{graph, member.type};
    PANICROOM_TRY(type, plain(ref));
    // What has no size (a structure of which only the name is known) takes no room.
    const std::uint64_t size = size_of(ref).value_or(0);
    if (size > (UINT64_MAX / 2 - bit) / kBitsPerByte) return overflow();

    LayoutLine line;
    line.depth = depth;
    line.name = std::string(member.name);
    PANICROOM_TRY(named, declaration(ref, member.name));
    PANICROOM_TRY(unnamed, declaration(ref, ""));
    line.declaration = std::move(named);
    line.type = std::move(unnamed);
    line.size = size;
    line.offset = bit / kBitsPerByte;
    std::uint64_t unit_end = 0;
    const std::uint32_t bits = member.bit_size != 0 ? member.bit_size : type.type.bits;
    if (bits != 0) {
      const std::uint64_t unit = std::max<std::uint64_t>(size, 1) * kBitsPerByte;
      line.bit_size = bits;
      line.offset = bit / unit * unit / kBitsPerByte;
      line.bit_offset = static_cast<std::uint32_t>(bit % unit);
      unit_end = bit / unit * unit + unit;
    }
    if (!is_union) gap(bit, depth, end, sum);
    if (depth == 0) ++sum.members;
    end.bit = bit + (bits != 0 ? bits : size * kBitsPerByte);
    end.unit = unit_end;

    PANICROOM_TRY(written_out, written_out_in(ref));
    if (written_out) {
      line.what = What::opening;
      emit(line);
      PANICROOM_CHECK(members_of(*written_out, bit, depth + 1, sum));
      line.what = What::closing;
    }
    emit(line);
    return {};
  }

  /// The structure or union without a name that a member's declaration itself defines, also as an
  /// array's element; what a typedef stands for is defined elsewhere.
  static Result<std::optional<PlainType>> written_out_in(TypeRef ref) {
    for (unsigned i = 0; i < kNestingLimit; ++i) {
      PANICROOM_TRY(type, ref.graph->type(ref.id));
      switch (type.kind) {
        case TypeKind::const_:
        case TypeKind::volatile_:
        case TypeKind::attribute:
        case TypeKind::array:
          ref.id = type.target;
          break;
        case TypeKind::structure:
        case TypeKind::union_:
          if (!type.name.empty()) return std::optional<PlainType>{};
          return std::optional(PlainType{ref, type});
        default:
          return std::optional<PlainType>{};
      }
    }
    return std::optional<PlainType>{};
  }

  /// Reports what lies between the members so far and the next one.
  void gap(std::uint64_t bit, unsigned depth, const End& end, LayoutSum& sum) {
    if (bit <= end.bit) return;
    const std::uint64_t unit_end = std::min(std::max(end.unit, end.bit), bit);
    LayoutLine line;
    line.depth = depth;
    line.offset = end.bit / kBitsPerByte;
    line.bit_offset = static_cast<std::uint32_t>(end.bit % kBitsPerByte);
    if (unit_end > end.bit) {
      line.what = What::bit_hole;
      line.bit_size = static_cast<std::uint32_t>(unit_end - end.bit);
      if (depth == 0) ++sum.bit_holes, sum.hole_bits += line.bit_size;
      emit(line);
    }
    if (bit / kBitsPerByte > (unit_end + 7) / kBitsPerByte) {
      line.what = What::hole;
      line.offset = (unit_end + 7) / kBitsPerByte;
      line.bit_offset = line.bit_size = 0;
      line.size = bit / kBitsPerByte - line.offset;
      if (depth == 0) ++sum.holes, sum.hole_bytes += line.size;
      emit(line);
    }
  }

  void emit(const LayoutLine& line) {
    if (!ended_) ended_ = !visit_(line);
  }
  static Failure overflow() { return fail(ErrorCode::corrupt, "a member's offset overflows"); }

  const std::function<bool(const LayoutLine&)>& visit_;
  std::uint64_t lines_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<LayoutSum> lay_out(TypeRef structure, const std::function<bool(const LayoutLine&)>& visit) {
  return Layout(visit).run(structure);
}

}  // namespace panicroom
