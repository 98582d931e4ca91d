#include "core/types/dwarf_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/printable.h"

namespace panicroom {

namespace {

constexpr unsigned kDimensionShift = 56;
constexpr TypeId kOffsetMask = kElsewhere;
constexpr std::uint64_t kDimensions = 32;
// Enumerators that are looked at for a negative one, where nothing else says the signedness.
constexpr unsigned kSignLimit = 256;
// What the pass may read for each byte of .debug_info: compilers write less than one attribute.
constexpr std::uint64_t kWorkPerByte = 16;
constexpr std::uint64_t kWork = std::uint64_t{1} << 24;
constexpr unsigned kChainLimit = 64;
constexpr std::uint64_t kSizeLimit = 4096;              // bytes of an integer
constexpr std::size_t kCompact = std::size_t{1} << 17;  // names
constexpr std::size_t kCached = 4096;

// DWARF 5, 7.8: DW_ATE_*.
enum class Encoding : std::uint8_t {
  boolean = 2,
  complex_float = 3,
  floating = 4,
  signed_ = 5,
  signed_char = 6,
  unsigned_ = 7,
  unsigned_char = 8,
  imaginary_float = 9,
  decimal_float = 15
};

Error corrupt(std::uint64_t offset, std::string_view what) {
  return Error{ErrorCode::corrupt, Absence::none, fmt::format("DWARF at {:#x}: {}", offset, what),
               std::nullopt, std::nullopt};
}

TypeKind kind_of(const DwarfEntry& entry) {
  switch (entry.tag) {
    case DwarfTag::base:
      switch (static_cast<Encoding>(entry.encoding.value_or(0))) {
        case Encoding::complex_float:
        case Encoding::floating:
        case Encoding::imaginary_float:
        case Encoding::decimal_float:
          return TypeKind::floating;
        default:
          return TypeKind::integer;
      }
    case DwarfTag::pointer:
    case DwarfTag::reference:
    case DwarfTag::rvalue_reference:
      return TypeKind::pointer;
    case DwarfTag::array:
      return TypeKind::array;
    case DwarfTag::structure:
    case DwarfTag::class_:
      return entry.is_declaration ? TypeKind::forward : TypeKind::structure;
    case DwarfTag::union_:
      return entry.is_declaration ? TypeKind::forward : TypeKind::union_;
    case DwarfTag::enumeration:
      return entry.is_declaration ? TypeKind::forward : TypeKind::enumeration;
    case DwarfTag::typedef_:
      return TypeKind::typedef_;
    case DwarfTag::const_:
      return TypeKind::const_;
    case DwarfTag::volatile_:
      return TypeKind::volatile_;
    case DwarfTag::restrict_:
      return TypeKind::restrict_;
    case DwarfTag::atomic:
      return TypeKind::attribute;
    case DwarfTag::subroutine:
      return TypeKind::function;
    case DwarfTag::unspecified_type:
      return TypeKind::void_;
    default:
      return TypeKind::other;
  }
}

TypeName space_of_tag(DwarfTag tag) {
  switch (tag) {
    case DwarfTag::structure:
    case DwarfTag::class_:
      return TypeName::structure;
    case DwarfTag::union_:
      return TypeName::union_;
    case DwarfTag::enumeration:
      return TypeName::enumeration;
    default:
      return TypeName::ordinary;
  }
}

/// Elements of one dimension; 0 where they are not said.
std::uint64_t elements(const DwarfEntry& subrange) {
  if (subrange.count) return *subrange.count < 0 ? 0 : static_cast<std::uint64_t>(*subrange.count);
  // An empty array's upper bound is -1.
  if (subrange.upper_bound) return static_cast<std::uint64_t>(*subrange.upper_bound) + 1;
  return 0;
}

}  // namespace

Result<std::shared_ptr<DwarfGraph>> DwarfGraph::open(DwarfSections sections,
                                                     std::uint8_t pointer_size,
                                                     std::string origin) {
  if (sections.info.size() == 0 || sections.info.size() > kOffsetMask)
    return fail(ErrorCode::no_type, fmt::format("{} has no unit", origin));
  std::shared_ptr<DwarfGraph> graph(
      new DwarfGraph(std::move(sections), pointer_size, std::move(origin)));
  PANICROOM_TRY(first, graph->units_.unit(0));
  static_cast<void>(first);
  return graph;
}

bool DwarfGraph::skip_unit(const Error& why) {
  if (!unread_) unread_ = why;
  unit_ = nullptr;
  return true;
}

bool DwarfGraph::next_unit() {
  const auto unit = units_.unit(next_unit_);
  if (!unit || *unit == nullptr) {
    if (!unit && !unread_) unread_ = unit.error();
    done_ = true;
    return false;
  }
  ++next_unit_;
  // Each unit has its own copy of every header's types.
  std::size_t entries = variables_.mark() + declared_.mark();
  for (const auto& names : names_) entries += names.mark();
  if (entries > compact_at_) {
    for (auto& names : names_) names.compact();
    variables_.compact(), declared_.compact();
    compact_at_ = std::max(kCompact, 2 * (variables_.mark() + declared_.mark() + names_[0].mark() +
                                          names_[1].mark() + names_[2].mark() + names_[3].mark()));
  }
  unit_ = *unit;
  const auto self = units_.entry(*unit_, unit_->entries);
  if (!self) return skip_unit(self.error());
  if (!self->has_children)
    unit_ = nullptr;
  else
    at_ = self->next;
  return true;
}

bool DwarfGraph::advance() {
  met_ = {};
  if (done_) return false;
  if (units_.work() / kWorkPerByte > units_.size() + kWork) {
    unread_ = corrupt(at_, "its entries hold more attributes than bytes");
    done_ = true;
    return false;
  }
  if (unit_ == nullptr) return next_unit();
  const auto entry = units_.entry(*unit_, at_);
  if (!entry) return skip_unit(entry.error());
  if (entry->tag == DwarfTag::end) {
    unit_ = nullptr;
    return true;
  }
  remember(*entry);
  at_ = entry->next;
  if (entry->has_children) {
    // Past the children: at once where the entry says where, else through them.
    if (entry->sibling > entry->next && entry->sibling < unit_->end) {
      at_ = entry->sibling;
    } else {
      for (unsigned depth = 1; depth != 0;) {
        const auto inner = units_.entry(*unit_, at_);
        if (!inner) return skip_unit(inner.error());
        at_ = inner->next;
        if (inner->tag == DwarfTag::end)
          --depth;
        else if (inner->has_children && inner->sibling > inner->next && inner->sibling < unit_->end)
          at_ = inner->sibling;
        else if (inner->has_children)
          ++depth;
      }
    }
  }
  if (at_ >= unit_->end) unit_ = nullptr;
  return true;
}

void DwarfGraph::remember(const DwarfEntry& entry) {
  switch (entry.tag) {
    case DwarfTag::variable: {
      std::string_view name = entry.name;
      // A definition may leave its name to the declaration that it completes.
      if (name.empty() && entry.origin != 0)
        if (const auto first = this->entry(entry.origin, nullptr)) name = first->name;
      if (name.empty()) return;
      met_ = {name, std::nullopt, !entry.is_declaration, entry.offset};
      (entry.is_declaration ? declared_ : variables_).add(name, entry.offset);
      return;
    }
    case DwarfTag::structure:
    case DwarfTag::class_:
    case DwarfTag::union_:
    case DwarfTag::enumeration:
    case DwarfTag::typedef_:
    case DwarfTag::base:
      break;
    default:
      return;
  }
  if (entry.is_declaration) return;
  if (entry.tag == DwarfTag::enumeration) enumerations_.push_back(entry.offset);
  if (entry.name.empty()) return;
  const TypeName space = space_of_tag(entry.tag);
  met_ = {entry.name, space, false, entry.offset};
  names_[static_cast<std::size_t>(space)].add(entry.name, entry.offset);
}

Failure DwarfGraph::missing(std::string_view what, std::string_view name) const {
  // A name that was not reached is not known to be absent.
  if (unread_)
    return Failure(unread_->within(fmt::format("looking for {} {}", what, printable(name))));
  return fail(ErrorCode::no_type, fmt::format("{} knows no {} {}", origin_, what, printable(name)));
}

std::optional<TypeId> DwarfGraph::known(std::string_view name, std::optional<TypeName> space) {
  std::optional<TypeId> first;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (space && i != static_cast<std::size_t>(*space)) continue;
    if (const auto* id = names_[i].find(name); id && (!first || *id < *first)) first = *id;
  }
  return first;
}

Result<TypeId> DwarfGraph::find(std::string_view name, std::optional<TypeName> space) {
  if (const auto id = known(name, space)) return *id;
  while (advance())
    if (met_.space && met_.name == name && (!space || *met_.space == *space)) return met_.offset;
  return missing("type", name);
}

Result<TypeId> DwarfGraph::variable(std::string_view name) {
  const auto type_of = [&](std::uint64_t offset) -> Result<TypeId> {
    PANICROOM_TRY(found, entry(offset, nullptr));
    if (found.type == 0 && found.origin != 0) {
      PANICROOM_TRY(first, entry(found.origin, nullptr));
      found = first;
    }
    if (found.type == 0)
      return fail(ErrorCode::no_type,
                  fmt::format("{} does not say the type of {}", origin_, printable(name)));
    return found.type;
  };
  if (const auto* offset = variables_.find(name)) return type_of(*offset);
  while (advance())
    if (met_.is_variable && met_.name == name) return type_of(met_.offset);
  if (const auto* offset = declared_.find(name)) return type_of(*offset);
  return missing("variable", name);
}

Result<std::int64_t> DwarfGraph::enumerator(std::string_view name) {
  if (const auto* value = enumerators_.find(name)) return *value;
  for (;;) {
    while (enumerated_ == enumerations_.size())
      if (!advance()) return missing("enumerator", name);
    const std::size_t known = enumerators_.mark();
    const auto read = enumerators(enumerations_[enumerated_++], [this](const TypeEnumerator& one) {
      enumerators_.add(one.name, one.value);
      return true;
    });
    if (!read && !unread_) unread_ = read.error();
    if (const auto* value = enumerators_.find_since(known, name)) return *value;
  }
}

Result<DwarfEntry> DwarfGraph::entry(TypeId id, const Unit** unit) {
  const std::uint64_t offset = id & kOffsetMask;
  if (offset == kElsewhere)
    return fail(ErrorCode::unsupported,
                fmt::format("{}: a type stands in another file or in a unit of its own "
                            "(-gsplit-dwarf, dwz, -fdebug-types-section)",
                            origin_));
  PANICROOM_TRY(holds, units_.unit_of(offset));
  PANICROOM_TRY(found, units_.entry(*holds, offset));
  if (found.tag == DwarfTag::end) return Failure(corrupt(offset, "there is no entry here"));
  if (unit != nullptr) *unit = holds;
  return found;
}

Result<void> DwarfGraph::children(const Unit& unit, const DwarfEntry& parent,
                                  const std::function<bool(const DwarfEntry&)>& visit) {
  if (!parent.has_children) return {};
  std::uint64_t at = parent.next;
  for (unsigned depth = 1; depth != 0 && at < unit.end;) {
    PANICROOM_TRY(child, units_.entry(unit, at));
    at = child.next;
    if (child.tag == DwarfTag::end) {
      --depth;
      continue;
    }
    const bool is_part =
        depth == 1 && (child.tag == DwarfTag::member || child.tag == DwarfTag::parameter ||
                       child.tag == DwarfTag::enumerator);
    if (!is_part && ++passed_over_ / kWorkPerByte > units_.size() + kWork)
      return Failure(corrupt(parent.offset, "there is no end to what stands between members"));
    if (depth == 1 && !visit(child)) break;
    if (!child.has_children) continue;
    if (child.sibling > child.next && child.sibling < unit.end)
      at = child.sibling;
    else
      ++depth;
  }
  return {};
}

Result<void> DwarfGraph::array(TypeId id, const Unit& unit, const DwarfEntry& entry, Type& type) {
  const std::uint64_t wanted = id >> kDimensionShift;
  std::uint64_t dimension = 0;
  bool more = false, too_many = false;
  PANICROOM_CHECK(children(unit, entry, [&](const DwarfEntry& child) {
    if (child.tag != DwarfTag::subrange && child.tag != DwarfTag::enumeration)
      return !child.has_children;
    if (dimension == wanted) type.count = elements(child);
    more = dimension > wanted;
    too_many = ++dimension > kDimensions;
    return !more && !too_many && !child.has_children;
  }));
  if (too_many) return Failure(corrupt(entry.offset, "an array has too many dimensions"));
  type.target = more ? (id & kOffsetMask) | (wanted + 1) << kDimensionShift : entry.type;
  return {};
}

Result<void> DwarfGraph::enumeration(const Unit& unit, const DwarfEntry& entry, Type& type) {
  type.size = entry.byte_size.value_or(4);
  std::optional<std::uint64_t> encoding = entry.encoding;
  if (entry.type != 0)
    if (const auto base = this->entry(entry.type, nullptr); base && base->tag == DwarfTag::base) {
      encoding = base->encoding;
      if (!entry.byte_size && base->byte_size) type.size = *base->byte_size;
    }
  if (encoding) {
    type.is_signed = static_cast<Encoding>(*encoding) == Encoding::signed_ ||
                     static_cast<Encoding>(*encoding) == Encoding::signed_char;
    return {};
  }
  unsigned seen = 0;
  return children(unit, entry, [&](const DwarfEntry& child) {
    type.is_signed = child.const_value.value_or(0) < 0;
    return !type.is_signed && ++seen < kSignLimit && !child.has_children;
  });
}

Result<Type> DwarfGraph::type(TypeId id) {
  if (id == 0) return Type{};
  if (cache_.empty()) cache_.resize(kCached);
  Cached& cached = cache_[static_cast<std::size_t>((id ^ id >> kDimensionShift) % kCached)];
  if (cached.id == id) return cached.type;
  PANICROOM_TRY(type, read_type(id));
  cached = {id, type};
  return type;
}

Result<Type> DwarfGraph::read_type(TypeId id) {
  const Unit* unit = nullptr;
  PANICROOM_TRY(entry, entry(id, &unit));
  Type type;
  type.kind = kind_of(entry);
  if (id >> kDimensionShift != 0 && type.kind != TypeKind::array)
    return Failure(corrupt(entry.offset, "there is no array here"));
  type.name = entry.name;
  type.name_space = space_of_tag(entry.tag);
  type.target = entry.type;
  switch (type.kind) {
    case TypeKind::integer: {
      const auto encoding = static_cast<Encoding>(entry.encoding.value_or(0));
      type.size = entry.byte_size.value_or(0);
      type.is_char = encoding == Encoding::signed_char || encoding == Encoding::unsigned_char;
      type.is_signed = encoding == Encoding::signed_ || encoding == Encoding::signed_char;
      type.is_bool = encoding == Encoding::boolean;
      break;
    }
    case TypeKind::pointer:
      type.size = entry.byte_size.value_or(pointer_size_);
      break;
    case TypeKind::array:
      PANICROOM_CHECK(array(id, *unit, entry, type));
      break;
    case TypeKind::enumeration:
      PANICROOM_CHECK(enumeration(*unit, entry, type));
      type.target = 0;
      break;
    case TypeKind::function: {
      unsigned seen = 0;
      PANICROOM_CHECK(children(*unit, entry, [&](const DwarfEntry& child) {
        type.is_variadic = child.tag == DwarfTag::unspecified_parameters;
        return !type.is_variadic && ++seen < kSignLimit && !child.has_children;
      }));
      break;
    }
    default:
      type.size = entry.byte_size.value_or(0);
      break;
  }
  return type;
}

Result<TypeMember> DwarfGraph::member(const DwarfEntry& entry) {
  TypeMember member;
  member.name = entry.name;
  member.type = entry.type;
  const std::uint64_t bytes = entry.member_location.value_or(0);
  const std::int64_t from_high = entry.bit_offset.value_or(0);
  if (bytes > kOffsetMask || entry.data_bit_offset.value_or(0) > kOffsetMask ||
      entry.bit_size.value_or(0) > UINT32_MAX || from_high > INT32_MAX || from_high < INT32_MIN)
    return Failure(corrupt(entry.offset, "a member's place overflows"));
  member.bit = bytes * 8 + entry.data_bit_offset.value_or(0);
  member.bit_size = static_cast<std::uint32_t>(entry.bit_size.value_or(0));
  if (member.bit_size == 0 || !entry.bit_offset) return member;
  std::int64_t bit = from_high;
  if (order() == std::endian::little) {
    std::uint64_t size = entry.byte_size.value_or(0);
    TypeId id = entry.type;
    for (unsigned i = 0; size == 0 && i < kChainLimit; ++i) {
      PANICROOM_TRY(held, type(id));
      size = held.size;
      id = held.target;
    }
    if (size > kSizeLimit) return Failure(corrupt(entry.offset, "a bit-field's integer is huge"));
    bit = static_cast<std::int64_t>(size * 8) - from_high - member.bit_size;
  }
  if (bit < 0 && static_cast<std::uint64_t>(-bit) > member.bit)
    return Failure(corrupt(entry.offset, "a bit-field lies before its structure"));
  member.bit += static_cast<std::uint64_t>(bit);
  return member;
}

Result<void> DwarfGraph::members(TypeId id, const std::function<bool(const TypeMember&)>& visit) {
  if (id == 0) return {};
  const Unit* unit = nullptr;
  PANICROOM_TRY(parent, entry(id, &unit));
  const TypeKind kind = kind_of(parent);
  std::optional<Error> stopped;
  if (kind == TypeKind::function)
    return children(*unit, parent, [&](const DwarfEntry& child) {
      return child.tag != DwarfTag::parameter || visit(TypeMember{child.name, child.type, 0, 0});
    });
  if (kind != TypeKind::structure && kind != TypeKind::union_) return {};
  PANICROOM_CHECK(children(*unit, parent, [&](const DwarfEntry& child) {
    // Those of a class as a whole are no members of its objects.
    if (child.tag != DwarfTag::member || child.is_external) return true;
    const auto found = member(child);
    if (found) return visit(*found);
    stopped = found.error();
    return false;
  }));
  if (stopped) return Failure(*stopped);
  return {};
}

Result<void> DwarfGraph::enumerators(TypeId id,
                                     const std::function<bool(const TypeEnumerator&)>& visit) {
  if (id == 0) return {};
  const Unit* unit = nullptr;
  PANICROOM_TRY(parent, entry(id, &unit));
  if (kind_of(parent) != TypeKind::enumeration) return {};
  return children(*unit, parent, [&](const DwarfEntry& child) {
    return child.tag != DwarfTag::enumerator ||
           visit(TypeEnumerator{child.name, child.const_value.value_or(0)});
  });
}

}  // namespace panicroom
