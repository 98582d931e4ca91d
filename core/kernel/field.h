#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "core/kernel/kernel.h"
#include "core/kernel/structures.h"

namespace panicroom {

/// A member of a kernel structure, looked up in the kernel's types when it is first asked for and
/// then kept.
class Field {
 public:
  /// The first of `paths` that this kernel's `structure` has: members move and are renamed.
  Field(std::string_view structure, std::initializer_list<std::string_view> paths)
      : structure_(structure), paths_(paths) {}
  Field(std::string_view structure, std::string_view path) : Field(structure, {path}) {}

  /// Error: `no_type`, naming the first path.
  Result<Member> member(Structures& structures) const;
  bool exists(Structures& structures) const { return member(structures).has_value(); }
  /// Where it lies in the structure at `address`.
  Result<std::uint64_t> place(Structures& structures, std::uint64_t address) const;
  /// An integer, pointer or bit-field, zero-extended. Errors: `no_type`, those of a read.
  Result<std::uint64_t> read(Structures& structures, std::uint64_t address) const;
  Result<std::int64_t> read_signed(Structures& structures, std::uint64_t address) const;
  /// An array of char: its text.
  Result<std::string> text(Structures& structures, std::uint64_t address) const;

 private:
  std::string_view structure_;
  std::vector<std::string_view> paths_;
  mutable std::optional<Result<Member>> member_;
};

/// How many objects of `size` bytes a walk may visit: no more than fit into the memory that the
/// dump holds are real, however often lists and page tables show the same.
std::uint64_t most_objects(Structures& structures, std::uint64_t size);

/// Takes a value or notes why there is none: "a file's inode: ...".
template <class T>
std::optional<T> noted(Result<T> value, Notes& notes, std::string_view what) {
  if (value) return std::move(*value);
  notes.add(value.error().within(what));
  return std::nullopt;
}

}  // namespace panicroom
