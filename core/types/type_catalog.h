#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/types/type_graph.h"

namespace panicroom {

/// Where a member lies in its structure. Offsets and sizes are in bytes; a bit-field has `bit_size`
/// != 0 and its lowest bit at `bit_offset` (0: the least significant) of the integer of `size`
/// bytes at `offset`. `size` is the whole member's: an array's elements have `size / count` bytes
/// each.
struct Member {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t bit_offset = 0;
  std::uint32_t bit_size = 0;
  std::uint64_t count = 1;  ///< elements when the member is an array; 0 for a flexible one
  bool is_signed = false;
  TypeRef type;  ///< as declared: with its names, qualifiers and array
};

/// A type without its names and qualifiers.
struct PlainType {
  TypeRef ref;
  Type type;
};

/// The types of one kernel: its own and its modules', from whatever the evidence is. Walks of
/// hostile types have budgets; what exceeds one is `corrupt`. Answers by name are kept. Not
/// thread-safe.
class TypeCatalog {
 public:
  using Graphs = std::vector<std::shared_ptr<TypeGraph>>;
  /// `modules` is called once, when a name is not among the kernel's own types; null: there are
  /// none. `remarks`: what could not be read of the types.
  explicit TypeCatalog(std::shared_ptr<TypeGraph> kernel, std::function<Graphs()> modules = {},
                       std::vector<Note> remarks = {});

  /// For the user: "BTF in the dump".
  std::string_view origin() const { return kernel_->origin(); }
  /// A type as C writes it: "struct proc", "union u", "enum e", "uint64_t", or any tag without its
  /// keyword. Errors: `no_type`, `invalid`.
  Result<TypeRef> find(std::string_view written) const;
  /// The type of a kernel variable, where the types say it.
  Result<TypeRef> variable(std::string_view name) const;

  /// Size of a type by its name, bytes. Error: `no_type`.
  Result<std::uint64_t> size_of(std::string_view type) const;
  /// A member by its path, through anonymous members, nested structures and constant array indices:
  /// ("task_struct", "thread.sp"), ("module", "mem[0].base"). Error: `no_type` naming what is
  /// unknown.
  Result<Member> member(std::string_view structure, std::string_view path) const;
  /// An enumerator's value.
  Result<std::int64_t> enumerator(std::string_view name) const;
  /// Takes the remarks so far: which module's types could not be read and why, each once.
  std::vector<Note> take_remarks() const;

 private:
  /// The first answer of the modules' types; what keeps one from answering is remarked.
  template <class Answer>
  std::optional<std::pair<TypeGraph*, Answer>> first_of_modules(
      const std::function<Result<Answer>(TypeGraph&)>& ask) const;
  const Graphs& modules() const;

  std::shared_ptr<TypeGraph> kernel_;
  std::function<Graphs()> load_modules_;
  mutable std::optional<Graphs> modules_;
  mutable std::map<std::string, Result<Member>> members_;
  mutable std::vector<Note> remarks_;
  mutable std::set<const TypeGraph*> damaged_;
};

/// Size of a type, bytes. Errors: `no_type` for what has none, `corrupt`.
Result<std::uint64_t> size_of(TypeRef type);
/// Without typedefs, qualifiers and attributes.
Result<PlainType> plain(TypeRef type);
/// A member as its graph gives it, with its place worked out. A bit-field may be written as an
/// integer of few bits (CTF). Errors: `no_type` for what has no size, `corrupt`.
Result<Member> place_member(TypeGraph& graph, const TypeMember& member);
/// As TypeCatalog::member, of a type that is known already.
Result<Member> member_of(TypeRef structure, std::string_view path);

}  // namespace panicroom
