#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/types/lazy_bytes.h"
#include "core/types/name_index.h"

namespace panicroom {

/// Kinds of BTF types. Linux, include/uapi/linux/btf.h.
enum class BtfKind : std::uint8_t {
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

/// One type record. `records` is where its trailing records begin in the blob.
struct BtfType {
  BtfKind kind = BtfKind::none;
  bool flag = false;        ///< kind_flag
  std::uint32_t name = 0;   ///< offset in the string section
  std::uint32_t count = 0;  ///< vlen: trailing records
  std::uint32_t size_or_type = 0;
  std::uint64_t records = 0;
};

/// A BTF blob whose types are found in one pass from the front that goes no further than asked:
/// records have no index of their own and each one's length depends on its kind.
class BtfIndex {
 public:
  /// Checks the header. Errors: `corrupt`, `unsupported` (another version).
  static Result<BtfIndex> open(LazyBytes blob, std::endian order);

  /// A type by its id. Errors: `corrupt` when there is none (0 is void), or what stopped the pass.
  Result<BtfType> type(std::uint32_t id);
  /// The first structure, union, enumeration, typedef or base type called `name`, as its id.
  Result<std::uint32_t> named(std::string_view name);
  Result<std::int64_t> enumerator(std::string_view name);
  /// Bytes of a pointer: the kernel's `unsigned long`.
  std::uint64_t pointer_size();

  /// True when the string at `offset` of the string section is `text`.
  bool is(std::uint32_t offset, std::string_view text);
  /// The string at `offset`, "?" when it cannot be read: for messages.
  std::string_view text(std::uint32_t offset);
  /// A 32-bit word of the blob at `offset`, a trailing record's field.
  Result<std::uint32_t> u32(std::uint64_t offset);

 private:
  BtfIndex(LazyBytes blob, std::endian order) : blob_(std::move(blob)), order_(order) {}

  bool advance();
  bool stop(Error error);
  void remember_name(const BtfType& type, std::uint32_t id);
  void remember_enumerators(const BtfType& type);
  Result<BtfType> parse(std::uint64_t at);
  Failure missing(std::string_view what, std::string_view name) const;

  LazyBytes blob_;
  std::endian order_;
  std::uint64_t types_ = 0, types_end_ = 0;      // the type section in the blob
  std::uint64_t strings_ = 0, strings_end_ = 0;  // the string section
  std::uint64_t next_ = 0;                       // where the pass stands
  std::vector<std::uint32_t> places_;            // of type id - 1, in the blob
  std::optional<Error> stopped_;  // why the pass cannot go on before the section's end
  std::optional<Error> unread_;   // why some name could not be read
  NameIndex<std::uint32_t> names_;
  NameIndex<std::int64_t> enumerators_;
  std::uint32_t enumerated_ = 0;  // ids whose enumerators are remembered
  std::uint64_t pointer_size_ = 0;
};

}  // namespace panicroom
