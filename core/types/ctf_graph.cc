#include "core/types/ctf_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/io/codec.h"

namespace panicroom {

namespace {

// FreeBSD, sys/sys/ctf.h and sys/ddb/db_ctf.c; illumos, uts/common/sys/ctf.h.
constexpr std::uint16_t kMagic = 0xcff1;
constexpr std::uint16_t kGnuMagic = 0xdff2;
constexpr std::uint64_t kHeaderSize = 36;
constexpr std::uint8_t kCompressed = 1;
constexpr std::uint64_t kNameLimit = 1024;
constexpr std::uint32_t kSymbolName = 0x80000000;
// Kernels' CTF has a few MiB and shrinks to a quarter.
constexpr std::uint64_t kSizeLimit = std::uint64_t{256} << 20;
constexpr std::uint64_t kRatioLimit = 64;
constexpr std::uint64_t kSmall = 65536;
// Enumerators that are looked at for a negative one: any enumeration with some has it near.
constexpr std::uint32_t kSignLimit = 256;

enum class Kind : std::uint8_t {
  unknown,
  integer,
  floating,
  pointer,
  array,
  function,
  structure,
  union_,
  enumeration,
  forward,
  typedef_,
  volatile_,
  const_,
  restrict_
};
constexpr unsigned kKinds = 14;

Error corrupt(std::string text) {
  return Error{ErrorCode::corrupt, Absence::none, std::move(text), std::nullopt, std::nullopt};
}

TypeKind kind_of(Kind kind) {
  constexpr std::array<TypeKind, kKinds> kinds = {
      TypeKind::other,       TypeKind::integer,  TypeKind::floating,  TypeKind::pointer,
      TypeKind::array,       TypeKind::function, TypeKind::structure, TypeKind::union_,
      TypeKind::enumeration, TypeKind::forward,  TypeKind::typedef_,  TypeKind::volatile_,
      TypeKind::const_,      TypeKind::restrict_};
  return kinds[static_cast<std::size_t>(kind)];
}

/// Where the name of a complete type is looked for; nothing for what is not found by name.
std::optional<TypeName> space_of(Kind kind) {
  switch (kind) {
    case Kind::structure:
      return TypeName::structure;
    case Kind::union_:
      return TypeName::union_;
    case Kind::enumeration:
      return TypeName::enumeration;
    case Kind::integer:
    case Kind::floating:
    case Kind::typedef_:
      return TypeName::ordinary;
    default:
      return std::nullopt;
  }
}

}  // namespace

/// One type record. `records` is where its trailing records begin.
struct CtfGraph::Record {
  Kind kind = Kind::unknown;
  bool root = false;
  std::uint32_t name = 0;
  std::uint32_t count = 0;  ///< trailing records
  std::uint64_t size = 0;
  std::uint64_t target = 0;
  std::uint64_t records = 0;
};

Result<std::shared_ptr<CtfGraph>> CtfGraph::open(CtfInput input) {
  std::shared_ptr<CtfGraph> graph(new CtfGraph(std::move(input)));
  PANICROOM_CHECK(graph->read_header());
  return graph;
}

Result<void> CtfGraph::read_header() {
  const std::byte* bytes = input_.blob.at(0, kHeaderSize);
  if (bytes == nullptr) return Failure(input_.blob.error().within("reading the CTF header"));
  const Reader header({bytes, static_cast<std::size_t>(kHeaderSize)}, input_.order);
  const std::uint16_t magic = *header.u16(0);
  if (magic == kGnuMagic)
    return fail(ErrorCode::unsupported,
                "this is the CTF of GNU's tools, which is another format than FreeBSD's");
  if (magic != kMagic)
    return fail(ErrorCode::corrupt,
                fmt::format("expected CTF's magic {:#x}, found {:#x}", kMagic, magic));
  version_ = *header.u8(2);
  if (version_ != 2 && version_ != 3)
    return fail(ErrorCode::unsupported,
                fmt::format("expected CTF version 2 or 3, found {}", version_));
  const bool wide = version_ == 3;
  id_size_ = wide ? 4 : 2;
  child_bit_ = wide ? 0x80000000 : 0x8000;
  large_ = wide ? std::uint64_t{1} << 29 : std::uint64_t{1} << 13;

  const std::uint32_t parent = *header.u32(8);
  objects_ = *header.u32(16), functions_ = *header.u32(20);
  types_ = *header.u32(24), strings_ = *header.u32(28);
  end_ = strings_ + *header.u32(32);
  if (objects_ > functions_ || functions_ > types_ || types_ > strings_)
    return fail(ErrorCode::corrupt,
                fmt::format("CTF's sections are not in order: {:#x}, {:#x}, {:#x}, {:#x}", objects_,
                            functions_, types_, strings_));
  base_ = kHeaderSize;
  if ((*header.u8(3) & kCompressed) != 0) {
    PANICROOM_CHECK(unpack(end_));
  } else if (end_ > input_.blob.size() - kHeaderSize) {
    return fail(ErrorCode::corrupt, fmt::format("CTF's sections end at {:#x} of {:#x} bytes",
                                                end_ + kHeaderSize, input_.blob.size()));
  }
  next_ = types_;
  if (parent != 0) parent_name_ = text(parent);
  if (parent_name_.empty()) child_bit_ = 0;
  return {};
}

Result<void> CtfGraph::unpack(std::uint64_t size) {
  const std::uint64_t stored = input_.blob.size() - kHeaderSize;
  if (size > kSizeLimit || (size > kSmall && size / kRatioLimit > stored))
    return fail(ErrorCode::corrupt,
                fmt::format("CTF of {} bytes claims to hold {}: at most {} bytes and {} times as "
                            "many are believed",
                            stored, size, kSizeLimit, kRatioLimit));
  const std::byte* bytes = input_.blob.at(kHeaderSize, stored);
  if (bytes == nullptr) return Failure(input_.blob.error().within("reading the compressed CTF"));
  std::vector<std::byte> payload(static_cast<std::size_t>(size));
  if (auto done = PageDecoder().decode(Codec::zlib, Bytes(bytes, static_cast<std::size_t>(stored)),
                                       payload);
      !done)
    return Failure(done.error().within("decompressing CTF"));
  input_.blob = LazyBytes(std::move(payload));
  base_ = 0;
  return {};
}

std::uint64_t CtfGraph::load_id(const std::byte* at) const {
  return id_size_ == 2 ? load<std::uint16_t>(at, input_.order) : load32(at);
}

Error CtfGraph::blob_error() const { return input_.blob.error().within("reading CTF"); }

std::uint64_t CtfGraph::trailing_bytes(const Record& record) const {
  switch (record.kind) {
    case Kind::integer:
    case Kind::floating:
      return 4;
    case Kind::array:
      return std::uint64_t{2} * id_size_ + 4;
    case Kind::function:
      // Version 2 rounds the 16-bit numbers up to an even count.
      return id_size_ == 2 ? (std::uint64_t{record.count} + 1) / 2 * 4
                           : std::uint64_t{4} * record.count;
    case Kind::structure:
    case Kind::union_:
      return (record.size < large_ ? std::uint64_t{id_size_ == 2 ? 8U : 12U} : 16) * record.count;
    case Kind::enumeration:
      return std::uint64_t{8} * record.count;
    default:
      return 0;
  }
}

Result<CtfGraph::Record> CtfGraph::parse(std::uint64_t place) {
  const std::uint64_t length = id_size_ == 2 ? 8 : 12;
  const auto crosses = [&] {
    return Failure(
        corrupt(fmt::format("a CTF type at {:#x} crosses the end of its section", place)));
  };
  if (!contains(strings_, place, length)) return crosses();
  const std::byte* bytes = at(place, length);
  if (bytes == nullptr) return Failure(blob_error());
  Record record;
  record.name = load32(bytes);
  unsigned kind = 0;
  if (id_size_ == 2) {
    const auto info = load<std::uint16_t>(bytes + 4, input_.order);
    kind = info >> 11U;
    record.root = (info >> 10U & 1U) != 0;
    record.count = info & 0x3ffU;
    record.size = record.target = load<std::uint16_t>(bytes + 6, input_.order);
  } else {
    const std::uint32_t info = load32(bytes + 4);
    kind = info >> 26U;
    record.root = (info >> 25U & 1U) != 0;
    record.count = info & 0xffffffU;
    record.size = record.target = load32(bytes + 8);
  }
  if (kind >= kKinds)
    return Failure(Error{ErrorCode::unsupported, Absence::none,
                         fmt::format("a CTF type at {:#x} has the unknown kind {}", place, kind),
                         std::nullopt, std::nullopt});
  record.kind = static_cast<Kind>(kind);
  record.records = place + length;
  if (record.size == (id_size_ == 2 ? 0xffffU : 0xffffffffU)) {
    if (!contains(strings_, record.records, 8)) return crosses();
    const std::byte* wide = at(record.records, 8);
    if (wide == nullptr) return Failure(blob_error());
    record.size = std::uint64_t{load32(wide)} << 32U | load32(wide + 4);
    record.records += 8;
  }
  if (!contains(strings_, record.records, trailing_bytes(record))) return crosses();
  return record;
}

bool CtfGraph::stop(Error error) {
  stopped_ = std::move(error);
  next_ = strings_;
  return false;
}

bool CtfGraph::advance() {
  added_ = {};
  if (next_ >= strings_) return false;
  const auto record = parse(next_);
  if (!record) return stop(record.error());
  places_.push_back(static_cast<std::uint32_t>(next_));
  next_ = record->records + trailing_bytes(*record);
  const auto space = space_of(record->kind);
  if (!space || record->name == 0) return true;
  added_ = {text(record->name), *space, places_.size() | child_bit_, record->root};
  if (!added_.name.empty())
    (added_.root ? names_ : hidden_)[static_cast<std::size_t>(*space)].add(added_.name, added_.id);
  return true;
}

Failure CtfGraph::missing(std::string_view what, std::string_view name) const {
  // A name that was not reached is not known to be absent.
  const auto& why = stopped_ ? stopped_ : unread_;
  if (why) return Failure(why->within(fmt::format("looking for {} {}", what, printable(name))));
  return fail(ErrorCode::no_type,
              fmt::format("{} knows no {} {}", input_.origin.empty() ? "CTF" : input_.origin, what,
                          printable(name)));
}

Result<CtfGraph*> CtfGraph::parent_of(TypeId id) const {
  if (parent_name_.empty() || (id & child_bit_) != 0) return nullptr;
  if (input_.parent) return input_.parent.get();
  return fail(ErrorCode::no_type, fmt::format("{} refers to types of \"{}\": give that file too",
                                              input_.origin, printable(parent_name_)));
}

Result<CtfGraph::Record> CtfGraph::record(TypeId id) {
  const TypeId number = id & ~child_bit_;
  if (number > (strings_ - types_) / 8)
    return Failure(corrupt(fmt::format("CTF type {:#x} lies beyond the type section", id)));
  while (places_.size() < number)
    if (!advance()) {
      if (stopped_) return Failure(*stopped_);
      return Failure(
          corrupt(fmt::format("CTF type {:#x} of {} does not exist", id, places_.size())));
    }
  if (number == 0) return Failure(corrupt(fmt::format("CTF type {:#x} does not exist", id)));
  return parse(places_[static_cast<std::size_t>(number - 1)]);
}

Result<bool> CtfGraph::has_negative(TypeId id) {
  std::uint32_t seen = 0;
  bool negative = false;
  PANICROOM_CHECK(enumerators(id, [&](const TypeEnumerator& enumerator) {
    negative = enumerator.value < 0;
    return !negative && ++seen < kSignLimit;
  }));
  return negative;
}

Result<Type> CtfGraph::type(TypeId id) {
  if (id == 0) return Type{};
  PANICROOM_TRY(parent, parent_of(id));
  if (parent != nullptr) return parent->type(id);
  PANICROOM_TRY(record, record(id));
  Type type;
  type.kind = kind_of(record.kind);
  if (record.name != 0) type.name = text(record.name);
  if (const auto space = space_of(record.kind)) type.name_space = *space;
  switch (record.kind) {
    case Kind::integer: {
      // Bits 24-31: encoding (1 signed, 2 char, 4 bool); 16-23: offset; 0-15: bits.
      const std::byte* data = at(record.records, 4);
      if (data == nullptr) return Failure(blob_error());
      const std::uint32_t encoding = load32(data);
      const std::uint32_t bits = encoding & 0xffff;
      type.size = record.size;
      type.is_signed = (encoding >> 24 & 1) != 0;
      type.is_char = (encoding >> 24 & 2) != 0;
      type.is_bool = (encoding >> 24 & 4) != 0;
      // C's void is an integer of no bits.
      if (bits == 0 && type.name == "void") return Type{};
      if (bits != 0 && bits < type.size * 8) {
        type.bits = bits;
        type.bit_offset = encoding >> 16 & 0xff;
      }
      break;
    }
    case Kind::enumeration: {
      type.size = record.size;
      PANICROOM_TRY(negative, has_negative(id));
      type.is_signed = negative;
      break;
    }
    case Kind::structure:
    case Kind::union_:
    case Kind::floating:
      type.size = record.size;
      break;
    case Kind::pointer:
      type.size = input_.pointer_size;
      type.target = record.target;
      break;
    case Kind::array: {
      const std::byte* data = at(record.records, std::uint64_t{2} * id_size_ + 4);
      if (data == nullptr) return Failure(blob_error());
      type.target = load_id(data);
      type.count = load32(data + std::size_t{2} * id_size_);
      break;
    }
    case Kind::forward:
      // Where it is not said what is declared (0) it is a structure.
      type.name_space = record.target == static_cast<std::uint64_t>(Kind::union_) ? TypeName::union_
                        : record.target == static_cast<std::uint64_t>(Kind::enumeration)
                            ? TypeName::enumeration
                            : TypeName::structure;
      break;
    case Kind::function: {
      type.target = record.target;
      if (record.count == 0) break;
      // A last parameter of type 0 is the ellipsis.
      const std::byte* last =
          at(record.records + std::uint64_t{id_size_} * (record.count - 1), id_size_);
      if (last == nullptr) return Failure(blob_error());
      type.is_variadic = load_id(last) == 0;
      break;
    }
    case Kind::unknown:
      break;
    default:
      type.target = record.target;
      break;
  }
  return type;
}

Result<void> CtfGraph::parameters(const Record& record,
                                  const std::function<bool(const TypeMember&)>& visit) {
  for (std::uint32_t i = 0; i < record.count; ++i) {
    const std::byte* place = at(record.records + std::uint64_t{id_size_} * i, id_size_);
    if (place == nullptr) return Failure(blob_error());
    const TypeId target = load_id(place);
    if (target == 0 && i + 1 == record.count) break;
    if (!visit(TypeMember{{}, target, 0, 0})) break;
  }
  return {};
}

Result<TypeMember> CtfGraph::member_at(const Record& record, std::uint32_t index) {
  const bool large = record.size >= large_;
  const std::uint64_t stride = large ? 16 : id_size_ == 2 ? 8 : 12;
  const std::byte* bytes = at(record.records + stride * index, stride);
  if (bytes == nullptr) return Failure(blob_error());
  TypeMember member;
  if (const std::uint32_t name = load32(bytes); name != 0) member.name = text(name);
  member.type = load_id(bytes + 4);
  if (large)
    member.bit = std::uint64_t{load32(bytes + 8)} << 32 | load32(bytes + 12);
  else
    member.bit = id_size_ == 2 ? load<std::uint16_t>(bytes + 6, input_.order) : load32(bytes + 8);
  return member;
}

Result<void> CtfGraph::members(TypeId id, const std::function<bool(const TypeMember&)>& visit) {
  if (id == 0) return {};
  PANICROOM_TRY(parent, parent_of(id));
  if (parent != nullptr) return parent->members(id, visit);
  PANICROOM_TRY(record, record(id));
  if (record.kind == Kind::function) return parameters(record, visit);
  if (record.kind != Kind::structure && record.kind != Kind::union_) return {};
  for (std::uint32_t i = 0; i < record.count; ++i) {
    PANICROOM_TRY(member, member_at(record, i));
    // A bit-field that fills the bytes of its integer shows by its place alone.
    if (member.bit % 8 != 0) {
      const auto held = type(member.type);
      if (held && held->kind == TypeKind::integer && held->bits == 0 && held->size <= 8)
        member.bit_size = static_cast<std::uint32_t>(held->size * 8);
    }
    if (!visit(member)) break;
  }
  return {};
}

Result<void> CtfGraph::enumerators(TypeId id,
                                   const std::function<bool(const TypeEnumerator&)>& visit) {
  if (id == 0) return {};
  PANICROOM_TRY(parent, parent_of(id));
  if (parent != nullptr) return parent->enumerators(id, visit);
  PANICROOM_TRY(record, record(id));
  if (record.kind != Kind::enumeration) return {};
  for (std::uint32_t i = 0; i < record.count; ++i) {
    const std::byte* bytes = at(record.records + std::uint64_t{8} * i, 8);
    if (bytes == nullptr) return Failure(blob_error());
    if (!visit(TypeEnumerator{text(load32(bytes)), load<std::int32_t>(bytes + 4, input_.order)}))
      break;
  }
  return {};
}

std::optional<TypeId> CtfGraph::known(Names& names, std::string_view name,
                                      std::optional<TypeName> space) {
  std::optional<TypeId> first;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (space && i != static_cast<std::size_t>(*space)) continue;
    if (const auto* id = names[i].find(name); id && (!first || *id < *first)) first = *id;
  }
  return first;
}

Result<TypeId> CtfGraph::find(std::string_view name, std::optional<TypeName> space) {
  if (const auto id = known(names_, name, space)) return *id;
  while (advance())
    if (added_.root && added_.name == name && (!space || added_.space == *space)) return added_.id;
  // Types behind another of their name, and bit-fields' integers.
  if (const auto id = known(hidden_, name, space)) return *id;
  return missing("type", name);
}

Result<std::int64_t> CtfGraph::enumerator(std::string_view name) {
  if (const auto* value = enumerators_.find(name)) return *value;
  for (;;) {
    if (enumerated_ == places_.size() && !advance()) return missing("enumerator", name);
    const std::size_t known = enumerators_.mark();
    const TypeId id = ++enumerated_ | child_bit_;
    const auto read = enumerators(id, [this](const TypeEnumerator& enumerator) {
      enumerators_.add(enumerator.name, enumerator.value);
      return true;
    });
    if (!read) unread_ = read.error();
    if (const auto* value = enumerators_.find_since(known, name)) return *value;
  }
}

void CtfGraph::read_objects() {
  if (std::exchange(objects_read_, true) || !input_.objects) return;
  std::uint32_t number = 0;
  const std::uint64_t count = (functions_ - objects_) / id_size_;
  const auto read = input_.objects([&](std::string_view name, bool global) {
    if (number == count) return false;
    (global ? variables_ : local_variables_).add(name, number++);
    return true;
  });
  if (!read) unread_ = read.error();
}

Result<TypeId> CtfGraph::variable(std::string_view name) {
  read_objects();
  const auto* number = variables_.find(name);
  if (number == nullptr) number = local_variables_.find(name);
  if (number == nullptr) return missing("variable", name);
  const std::byte* place = at(objects_ + std::uint64_t{*number} * id_size_, id_size_);
  if (place == nullptr) return Failure(blob_error());
  const TypeId id = load_id(place);
  if (id == 0)
    return fail(ErrorCode::no_type,
                fmt::format("{} does not say the type of {}", input_.origin, printable(name)));
  return id;
}

std::string_view CtfGraph::text(std::uint32_t name) {
  const std::uint32_t offset = name & ~kSymbolName;
  if ((name & kSymbolName) != 0) {
    if (input_.symbol_names == nullptr) return "?";
    const auto found = input_.symbol_names->text(offset, input_.symbol_names->size(), kNameLimit);
    if (found) return *found;
    unread_ = input_.symbol_names->error();
    return "?";
  }
  const auto found = input_.blob.text(base_ + strings_ + offset, base_ + end_, kNameLimit);
  if (found) return *found;
  unread_ = blob_error();
  return "?";
}

}  // namespace panicroom
