#include "core/types/btf_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"

namespace panicroom {

namespace {

// Linux, include/uapi/linux/btf.h: struct btf_header, struct btf_type.
constexpr std::uint16_t kMagic = 0xeb9f;
constexpr std::uint8_t kVersion = 1;
constexpr std::uint64_t kHeaderSize = 24;
constexpr std::uint64_t kTypeSize = 12;
constexpr std::uint64_t kNameLimit = 1024;

enum class Kind : std::uint8_t {
  none,
  integer,
  pointer,
  array,
  structure,
  union_,
  enumeration,
  forward,
  typedef_,
  volatile_,
  const_,
  restrict_,
  function,
  prototype,
  variable,
  section,
  floating,
  decl_tag,
  type_tag,
  enumeration64
};

Error corrupt(std::string text) {
  return Error{ErrorCode::corrupt, Absence::none, std::move(text), std::nullopt, std::nullopt};
}

/// Bytes that follow a type record, or nothing for a kind that is not known.
std::optional<std::uint64_t> trailing_bytes(Kind kind, std::uint32_t count) {
  switch (kind) {
    case Kind::integer:
    case Kind::variable:
    case Kind::decl_tag:
      return 4;
    case Kind::array:
      return 12;
    case Kind::structure:
    case Kind::union_:
    case Kind::section:
    case Kind::enumeration64:
      return std::uint64_t{12} * count;
    case Kind::enumeration:
    case Kind::prototype:
      return std::uint64_t{8} * count;
    case Kind::pointer:
    case Kind::forward:
    case Kind::typedef_:
    case Kind::volatile_:
    case Kind::const_:
    case Kind::restrict_:
    case Kind::function:
    case Kind::floating:
    case Kind::type_tag:
      return 0;
    case Kind::none:
      break;
  }
  return std::nullopt;
}

TypeKind kind_of(Kind kind) {
  switch (kind) {
    case Kind::integer:
      return TypeKind::integer;
    case Kind::pointer:
      return TypeKind::pointer;
    case Kind::array:
      return TypeKind::array;
    case Kind::structure:
      return TypeKind::structure;
    case Kind::union_:
      return TypeKind::union_;
    case Kind::enumeration:
    case Kind::enumeration64:
      return TypeKind::enumeration;
    case Kind::forward:
      return TypeKind::forward;
    case Kind::typedef_:
      return TypeKind::typedef_;
    case Kind::volatile_:
      return TypeKind::volatile_;
    case Kind::const_:
      return TypeKind::const_;
    case Kind::restrict_:
      return TypeKind::restrict_;
    case Kind::type_tag:
      return TypeKind::attribute;
    case Kind::prototype:
      return TypeKind::function;
    case Kind::floating:
      return TypeKind::floating;
    default:
      return TypeKind::other;
  }
}

/// Where the name of a complete type is looked for; nothing for what is not found by name.
std::optional<TypeName> space_of(Kind kind) {
  switch (kind) {
    case Kind::structure:
      return TypeName::structure;
    case Kind::union_:
      return TypeName::union_;
    case Kind::enumeration:
    case Kind::enumeration64:
      return TypeName::enumeration;
    case Kind::integer:
    case Kind::typedef_:
    case Kind::floating:
      return TypeName::ordinary;
    default:
      return std::nullopt;
  }
}

}  // namespace

/// One type record. `records` is where its trailing records begin in the blob.
struct BtfGraph::Record {
  Kind kind = Kind::none;
  bool flag = false;        ///< kind_flag
  std::uint32_t name = 0;   ///< offset in the strings
  std::uint32_t count = 0;  ///< vlen: trailing records
  std::uint32_t size_or_type = 0;
  std::uint64_t records = 0;
};

Result<std::shared_ptr<BtfGraph>> BtfGraph::open(LazyBytes blob, std::endian order,
                                                 std::string origin,
                                                 std::shared_ptr<BtfGraph> base) {
  std::shared_ptr<BtfGraph> graph(
      new BtfGraph(std::move(blob), order, std::move(origin), std::move(base)));
  const std::byte* header = graph->blob_.at(0, kHeaderSize);
  if (header == nullptr) return Failure(graph->blob_.error().within("reading the BTF header"));
  const Reader reader({header, static_cast<std::size_t>(kHeaderSize)}, order);
  if (*reader.u16(0) != kMagic)
    return fail(ErrorCode::corrupt,
                fmt::format("expected BTF's magic {:#x}, found {:#x}", kMagic, *reader.u16(0)));
  if (*reader.u8(2) != kVersion)
    return fail(ErrorCode::unsupported,
                fmt::format("expected BTF version {}, found {}", kVersion, *reader.u8(2)));
  const std::uint64_t size = graph->blob_.size();
  const std::uint64_t length = *reader.u32(4);
  const auto section = [&](std::uint64_t field, std::uint64_t& begin, std::uint64_t& end) {
    begin = length + *reader.u32(field);
    end = begin + *reader.u32(field + 4);
    return length >= kHeaderSize && end <= size;
  };
  if (!section(8, graph->types_, graph->types_end_) ||
      !section(16, graph->strings_, graph->strings_end_))
    return fail(ErrorCode::corrupt, fmt::format("BTF's sections leave its {:#x} bytes", size));
  graph->next_ = graph->types_;
  if (BtfGraph* under = graph->base_.get()) {
    graph->base_count_ = under->count();
    graph->base_strings_ = under->base_strings_ + (under->strings_end_ - under->strings_);
  }
  return graph;
}

TypeId BtfGraph::count() {
  while (advance()) {
  }
  return base_count_ + places_.size();
}

Result<std::uint32_t> BtfGraph::u32(std::uint64_t offset) {
  const std::byte* at = blob_.at(offset, 4);
  if (at == nullptr) return Failure(blob_.error());
  return load<std::uint32_t>(at, order_);
}

Result<BtfGraph::Record> BtfGraph::parse(std::uint64_t at) {
  const std::byte* bytes = contains(types_end_, at, kTypeSize) ? blob_.at(at, kTypeSize) : nullptr;
  if (bytes == nullptr) {
    if (contains(types_end_, at, kTypeSize)) return Failure(blob_.error());
    return Failure(corrupt(fmt::format("a BTF type at {:#x} crosses the end of its section", at)));
  }
  const std::uint32_t info = load<std::uint32_t>(bytes + 4, order_);
  Record record;
  record.name = load<std::uint32_t>(bytes, order_);
  record.kind = static_cast<Kind>(info >> 24 & 0x1f);
  record.flag = (info >> 31) != 0;
  record.count = info & 0xffff;
  record.size_or_type = load<std::uint32_t>(bytes + 8, order_);
  record.records = at + kTypeSize;
  return record;
}

bool BtfGraph::stop(Error error) {
  stopped_ = std::move(error);
  next_ = types_end_;
  return false;
}

bool BtfGraph::advance() {
  if (next_ >= types_end_) return false;
  const auto record = parse(next_);
  if (!record) return stop(record.error());
  const TypeId id = base_count_ + places_.size() + 1;
  const auto trailing = trailing_bytes(record->kind, record->count);
  if (!trailing)
    return stop({ErrorCode::unsupported, Absence::none,
                 fmt::format("BTF type {} at {:#x} has the unknown kind {}", id, next_,
                             static_cast<unsigned>(record->kind)),
                 std::nullopt, std::nullopt});
  if (!contains(types_end_, record->records, *trailing))
    return stop(
        corrupt(fmt::format("BTF type {} at {:#x} crosses the end of its section", id, next_)));
  places_.push_back(static_cast<std::uint32_t>(next_));
  next_ = record->records + *trailing;
  remember_names(*record, id);
  return true;
}

void BtfGraph::remember_names(const Record& record, TypeId id) {
  const auto space = space_of(record.kind);
  if (record.name == 0 || (!space && record.kind != Kind::variable)) return;
  const std::string_view name = text(record.name);
  if (record.kind == Kind::variable) {
    variables_.add(name, id);
    return;
  }
  names_[static_cast<std::size_t>(*space)].add(name, id);
  if (record.kind == Kind::integer && pointer_size_ == 0 &&
      (record.size_or_type == 4 || record.size_or_type == 8) &&
      (name == "long unsigned int" || name == "unsigned long"))
    pointer_size_ = record.size_or_type;
}

Failure BtfGraph::missing(std::string_view what, std::string_view name) const {
  // A name that was not reached is not known to be absent.
  if (stopped_)
    return Failure(stopped_->within(fmt::format("looking for {} {}", what, printable(name))));
  if (unread_)
    return Failure(unread_->within(fmt::format("looking for {} {}", what, printable(name))));
  return fail(
      ErrorCode::no_type,
      fmt::format("{} knows no {} {}", origin_.empty() ? "BTF" : origin_, what, printable(name)));
}

Result<BtfGraph::Record> BtfGraph::record(TypeId id) {
  const TypeId own = id - base_count_;
  if (own > (types_end_ - types_) / kTypeSize)
    return Failure(corrupt(fmt::format("BTF type {} lies beyond the type section", id)));
  while (places_.size() < own)
    if (!advance()) {
      if (stopped_) return Failure(*stopped_);
      return Failure(corrupt(
          fmt::format("BTF type {} of {} does not exist", id, base_count_ + places_.size())));
    }
  return parse(places_[static_cast<std::size_t>(own - 1)]);
}

Result<Type> BtfGraph::type(TypeId id) {
  if (id == 0) return Type{};
  if (id <= base_count_) return base_->type(id);
  PANICROOM_TRY(record, record(id));
  Type type;
  type.kind = kind_of(record.kind);
  if (record.name != 0) type.name = text(record.name);
  if (const auto space = space_of(record.kind)) type.name_space = *space;
  switch (type.kind) {
    case TypeKind::integer: {
      // Bits 24-27: encoding (1 signed, 2 char, 4 bool); 16-23: offset; 0-7: bits.
      PANICROOM_TRY(encoding, u32(record.records));
      type.size = record.size_or_type;
      type.is_signed = (encoding >> 24 & 1) != 0;
      type.is_char = (encoding >> 24 & 2) != 0;
      type.is_bool = (encoding >> 24 & 4) != 0;
      const std::uint32_t bits = encoding & 0xff;
      if (bits != 0 && bits < type.size * 8) {
        type.bits = bits;
        type.bit_offset = encoding >> 16 & 0xff;
      }
      break;
    }
    case TypeKind::enumeration:
      type.is_signed = record.flag;
      type.size = record.size_or_type;
      break;
    case TypeKind::structure:
    case TypeKind::union_:
    case TypeKind::floating:
      type.size = record.size_or_type;
      break;
    case TypeKind::pointer:
      type.size = pointer_size();
      type.target = record.size_or_type;
      break;
    case TypeKind::array: {
      PANICROOM_TRY(element, u32(record.records));
      PANICROOM_TRY(count, u32(record.records + 8));
      type.target = element;
      type.count = count;
      break;
    }
    case TypeKind::forward:
      type.name_space = record.flag ? TypeName::union_ : TypeName::structure;
      break;
    case TypeKind::function: {
      type.target = record.size_or_type;
      if (record.count == 0) break;
      // A last parameter without name and type is the ellipsis.
      const std::uint64_t last = record.records + std::uint64_t{8} * (record.count - 1);
      PANICROOM_TRY(name, u32(last));
      PANICROOM_TRY(target, u32(last + 4));
      type.is_variadic = name == 0 && target == 0;
      break;
    }
    default:
      type.target = record.size_or_type;
      break;
  }
  return type;
}

Result<void> BtfGraph::members(TypeId id, const std::function<bool(const TypeMember&)>& visit) {
  if (id != 0 && id <= base_count_) return base_->members(id, visit);
  if (id == 0) return {};
  PANICROOM_TRY(record, record(id));
  if (record.kind == Kind::prototype) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      PANICROOM_TRY(name, u32(record.records + std::uint64_t{8} * i));
      PANICROOM_TRY(target, u32(record.records + std::uint64_t{8} * i + 4));
      if (name == 0 && target == 0 && i + 1 == record.count) break;
      if (!visit(TypeMember{name ? text(name) : std::string_view(), target, 0, 0})) break;
    }
    return {};
  }
  if (record.kind != Kind::structure && record.kind != Kind::union_) return {};
  for (std::uint32_t i = 0; i < record.count; ++i) {
    const std::byte* bytes = blob_.at(record.records + std::uint64_t{12} * i, 12);
    if (bytes == nullptr) return Failure(blob_.error());
    const std::uint32_t name = load<std::uint32_t>(bytes, order_);
    const std::uint32_t position = load<std::uint32_t>(bytes + 8, order_);
    TypeMember member;
    if (name != 0) member.name = text(name);
    member.type = load<std::uint32_t>(bytes + 4, order_);
    member.bit = record.flag ? position & 0xffffff : position;
    member.bit_size = record.flag ? position >> 24 : 0;
    if (!visit(member)) break;
  }
  return {};
}

Result<void> BtfGraph::enumerators(TypeId id,
                                   const std::function<bool(const TypeEnumerator&)>& visit) {
  if (id != 0 && id <= base_count_) return base_->enumerators(id, visit);
  if (id == 0) return {};
  PANICROOM_TRY(record, record(id));
  const bool wide = record.kind == Kind::enumeration64;
  if (!wide && record.kind != Kind::enumeration) return {};
  const std::uint64_t stride = wide ? 12 : 8;
  for (std::uint32_t i = 0; i < record.count; ++i) {
    const std::byte* bytes = blob_.at(record.records + i * stride, stride);
    if (bytes == nullptr) return Failure(blob_.error());
    // Before Linux 6.0 no flag tells signed values from unsigned ones; negative enumerators are the
    // commoner of the two in kernels.
    std::int64_t value = load<std::int32_t>(bytes + 4, order_);
    if (wide)
      value =
          static_cast<std::int64_t>(std::uint64_t{load<std::uint32_t>(bytes + 8, order_)} << 32 |
                                    load<std::uint32_t>(bytes + 4, order_));
    if (!visit(TypeEnumerator{text(load<std::uint32_t>(bytes, order_)), value})) break;
  }
  return {};
}

std::optional<TypeId> BtfGraph::known(std::string_view name, std::optional<TypeName> space) {
  std::optional<TypeId> first;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (space && i != static_cast<std::size_t>(*space)) continue;
    if (const auto* id = names_[i].find(name); id && (!first || *id < *first)) first = *id;
  }
  return first;
}

std::optional<TypeId> BtfGraph::known_since(const std::array<std::size_t, 4>& marks,
                                            std::string_view name, std::optional<TypeName> space) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (space && i != static_cast<std::size_t>(*space)) continue;
    if (const auto* id = names_[i].find_since(marks[i], name)) return *id;
  }
  return std::nullopt;
}

Result<TypeId> BtfGraph::find(std::string_view name, std::optional<TypeName> space) {
  if (const auto id = known(name, space)) return *id;
  for (;;) {
    std::array<std::size_t, 4> marks{};
    for (std::size_t i = 0; i < names_.size(); ++i) marks[i] = names_[i].mark();
    if (!advance()) return missing("type", name);
    if (const auto id = known_since(marks, name, space)) return *id;
  }
}

Result<TypeId> BtfGraph::variable(std::string_view name) {
  static_cast<void>(count());
  const auto* id = variables_.find(name);
  if (!id) return missing("variable", name);
  PANICROOM_TRY(record, record(*id));
  return TypeId{record.size_or_type};
}

Result<std::int64_t> BtfGraph::enumerator(std::string_view name) {
  if (const auto* value = enumerators_.find(name)) return *value;
  for (;;) {
    if (enumerated_ == places_.size() && !advance()) return missing("enumerator", name);
    const std::size_t known = enumerators_.mark();
    const TypeId id = base_count_ + ++enumerated_;
    const auto read = enumerators(id, [this](const TypeEnumerator& enumerator) {
      enumerators_.add(enumerator.name, enumerator.value);
      return true;
    });
    if (!read) unread_ = read.error();
    if (const auto* value = enumerators_.find_since(known, name)) return *value;
  }
}

std::uint64_t BtfGraph::pointer_size() {
  if (base_) return base_->pointer_size();
  while (pointer_size_ == 0)
    if (!advance()) pointer_size_ = 8;
  return pointer_size_;
}

std::string_view BtfGraph::text(std::uint32_t offset) {
  if (offset < base_strings_) return base_->text(offset);
  const auto found = blob_.text(strings_ + (offset - base_strings_), strings_end_, kNameLimit);
  if (found) return *found;
  unread_ = blob_.error();
  return "?";
}

}  // namespace panicroom
