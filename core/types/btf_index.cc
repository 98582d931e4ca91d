#include "core/types/btf_index.h"

#include <fmt/format.h>

#include <cstring>

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

Error corrupt(std::string text) {
  return Error{ErrorCode::corrupt, Absence::none, std::move(text), std::nullopt, std::nullopt};
}

/// Bytes that follow a type record, or nothing for a kind that is not known.
std::optional<std::uint64_t> trailing_bytes(BtfKind kind, std::uint32_t count) {
  switch (kind) {
    case BtfKind::integer:
    case BtfKind::variable:
    case BtfKind::decl_tag:
      return 4;
    case BtfKind::array:
      return 12;
    case BtfKind::structure:
    case BtfKind::union_:
    case BtfKind::section:
    case BtfKind::enumeration64:
      return std::uint64_t{12} * count;
    case BtfKind::enumeration:
    case BtfKind::prototype:
      return std::uint64_t{8} * count;
    case BtfKind::pointer:
    case BtfKind::forward:
    case BtfKind::typedef_:
    case BtfKind::volatile_:
    case BtfKind::const_:
    case BtfKind::restrict_:
    case BtfKind::function:
    case BtfKind::floating:
    case BtfKind::type_tag:
      return 0;
    case BtfKind::none:
      break;
  }
  return std::nullopt;
}

}  // namespace

Result<BtfIndex> BtfIndex::open(LazyBytes blob, std::endian order) {
  BtfIndex index(std::move(blob), order);
  const std::byte* header = index.blob_.at(0, kHeaderSize);
  if (header == nullptr) return Failure(index.blob_.error().within("reading the BTF header"));
  const Reader reader({header, static_cast<std::size_t>(kHeaderSize)}, order);
  if (*reader.u16(0) != kMagic)
    return fail(ErrorCode::corrupt,
                fmt::format("expected BTF's magic {:#x}, found {:#x}", kMagic, *reader.u16(0)));
  if (*reader.u8(2) != kVersion)
    return fail(ErrorCode::unsupported,
                fmt::format("expected BTF version {}, found {}", kVersion, *reader.u8(2)));
  const std::uint64_t size = index.blob_.size();
  const std::uint64_t length = *reader.u32(4);
  const auto section = [&](std::uint64_t field, std::uint64_t& begin, std::uint64_t& end) {
    begin = length + *reader.u32(field);
    end = begin + *reader.u32(field + 4);
    return length >= kHeaderSize && end <= size;
  };
  if (!section(8, index.types_, index.types_end_) ||
      !section(16, index.strings_, index.strings_end_))
    return fail(ErrorCode::corrupt, fmt::format("BTF's sections leave its {:#x} bytes", size));
  index.next_ = index.types_;
  return index;
}

Result<std::uint32_t> BtfIndex::u32(std::uint64_t offset) {
  const std::byte* at = blob_.at(offset, 4);
  if (at == nullptr) return Failure(blob_.error());
  return load<std::uint32_t>(at, order_);
}

Result<BtfType> BtfIndex::parse(std::uint64_t at) {
  const std::byte* record = contains(types_end_, at, kTypeSize) ? blob_.at(at, kTypeSize) : nullptr;
  if (record == nullptr) {
    if (contains(types_end_, at, kTypeSize)) return Failure(blob_.error());
    return Failure(corrupt(fmt::format("a BTF type at {:#x} crosses the end of its section", at)));
  }
  const std::uint32_t info = load<std::uint32_t>(record + 4, order_);
  BtfType type;
  type.name = load<std::uint32_t>(record, order_);
  type.kind = static_cast<BtfKind>(info >> 24 & 0x1f);
  type.flag = (info >> 31) != 0;
  type.count = info & 0xffff;
  type.size_or_type = load<std::uint32_t>(record + 8, order_);
  type.records = at + kTypeSize;
  return type;
}

bool BtfIndex::stop(Error error) {
  stopped_ = std::move(error);
  next_ = types_end_;
  return false;
}

bool BtfIndex::advance() {
  if (next_ >= types_end_) return false;
  const auto type = parse(next_);
  if (!type) return stop(type.error());
  const auto trailing = trailing_bytes(type->kind, type->count);
  if (!trailing)
    return stop({ErrorCode::unsupported, Absence::none,
                 fmt::format("BTF type {} at {:#x} has the unknown kind {}", places_.size() + 1,
                             next_, static_cast<unsigned>(type->kind)),
                 std::nullopt, std::nullopt});
  if (!contains(types_end_, type->records, *trailing))
    return stop(corrupt(fmt::format("BTF type {} at {:#x} crosses the end of its section",
                                    places_.size() + 1, next_)));
  places_.push_back(static_cast<std::uint32_t>(next_));
  next_ = type->records + *trailing;
  remember_name(*type, static_cast<std::uint32_t>(places_.size()));
  return true;
}

void BtfIndex::remember_name(const BtfType& type, std::uint32_t id) {
  if (type.name == 0) return;
  switch (type.kind) {
    case BtfKind::integer:
    case BtfKind::structure:
    case BtfKind::union_:
    case BtfKind::enumeration:
    case BtfKind::typedef_:
    case BtfKind::floating:
    case BtfKind::enumeration64:
      break;
    default:
      return;
  }
  const auto name = blob_.text(strings_ + type.name, strings_end_, kNameLimit);
  if (!name) {
    unread_ = blob_.error();
    return;
  }
  names_.add(*name, id);
  if (type.kind == BtfKind::integer && pointer_size_ == 0 &&
      (type.size_or_type == 4 || type.size_or_type == 8) &&
      (*name == "long unsigned int" || *name == "unsigned long"))
    pointer_size_ = type.size_or_type;
}

Failure BtfIndex::missing(std::string_view what, std::string_view name) const {
  // A name that was not reached is not known to be absent.
  if (stopped_)
    return Failure(stopped_->within(fmt::format("looking for {} {}", what, printable(name))));
  if (unread_)
    return Failure(unread_->within(fmt::format("looking for {} {}", what, printable(name))));
  return fail(ErrorCode::no_type, fmt::format("the types know no {} {}", what, printable(name)));
}

Result<BtfType> BtfIndex::type(std::uint32_t id) {
  if (id > (types_end_ - types_) / kTypeSize)
    return Failure(corrupt(fmt::format("BTF type {} lies beyond the type section", id)));
  while (places_.size() < id)
    if (!advance()) {
      if (stopped_) return Failure(*stopped_);
      return Failure(corrupt(fmt::format("BTF type {} of {} does not exist", id, places_.size())));
    }
  if (id == 0) return fail(ErrorCode::no_type, "void has no layout");
  return parse(places_[id - 1]);
}

Result<std::uint32_t> BtfIndex::named(std::string_view name) {
  if (const auto* id = names_.find(name)) return *id;
  for (;;) {
    const std::size_t known = names_.mark();
    if (!advance()) return missing("type", name);
    if (const auto* id = names_.find_since(known, name)) return *id;
  }
}

void BtfIndex::remember_enumerators(const BtfType& type) {
  const bool wide = type.kind == BtfKind::enumeration64;
  if (!wide && type.kind != BtfKind::enumeration) return;
  const std::uint64_t stride = wide ? 12 : 8;
  for (std::uint32_t i = 0; i < type.count; ++i) {
    const std::byte* record = blob_.at(type.records + i * stride, stride);
    if (record == nullptr) {
      unread_ = blob_.error();
      return;
    }
    const auto name =
        blob_.text(strings_ + load<std::uint32_t>(record, order_), strings_end_, kNameLimit);
    if (!name) {
      unread_ = blob_.error();
      continue;
    }
    // Before Linux 6.0 no flag tells signed values from unsigned ones; negative enumerators are the
    // commoner of the two in kernels.
    std::int64_t value = load<std::int32_t>(record + 4, order_);
    if (wide)
      value =
          static_cast<std::int64_t>(std::uint64_t{load<std::uint32_t>(record + 8, order_)} << 32 |
                                    load<std::uint32_t>(record + 4, order_));
    enumerators_.add(*name, value);
  }
}

Result<std::int64_t> BtfIndex::enumerator(std::string_view name) {
  if (const auto* value = enumerators_.find(name)) return *value;
  for (;;) {
    if (enumerated_ == places_.size() && !advance()) return missing("enumerator", name);
    const std::size_t known = enumerators_.mark();
    if (const auto next = parse(places_[enumerated_++])) remember_enumerators(*next);
    if (const auto* value = enumerators_.find_since(known, name)) return *value;
  }
}

std::uint64_t BtfIndex::pointer_size() {
  while (pointer_size_ == 0)
    if (!advance()) pointer_size_ = 8;
  return pointer_size_;
}

bool BtfIndex::is(std::uint32_t offset, std::string_view text) {
  const std::uint64_t at = strings_ + offset;
  if (!contains(strings_end_, at, text.size() + 1)) return false;
  const std::byte* found = blob_.at(at, text.size() + 1);
  if (found == nullptr) {
    unread_ = blob_.error();
    return false;
  }
  return std::memcmp(found, text.data(), text.size()) == 0 && found[text.size()] == std::byte{0};
}

std::string_view BtfIndex::text(std::uint32_t offset) {
  return blob_.text(strings_ + offset, strings_end_, kNameLimit).value_or("?");
}

}  // namespace panicroom
