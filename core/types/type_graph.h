#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/base/error.h"

namespace panicroom {

/// Number of a type within its graph; 0 is void.
using TypeId = std::uint64_t;

enum class TypeKind : std::uint8_t {
  void_,
  integer,
  floating,
  pointer,
  array,
  structure,
  union_,
  enumeration,
  forward,  ///< a structure, union or enumeration of which only the name is known
  typedef_,
  const_,
  volatile_,
  restrict_,
  attribute,  ///< a remark on its target that changes nothing
  function,
  other  ///< what has no values: a variable's record, a section
};

/// C keeps the tags of structures, unions and enumerations apart from all other names.
enum class TypeName : std::uint8_t { structure, union_, enumeration, ordinary };

/// One type as its graph has it. `name` lives as long as the graph.
struct Type {
  TypeKind kind = TypeKind::void_;
  TypeName name_space = TypeName::ordinary;  ///< of `name`; for a forward what it declares
  std::string_view name;                     ///< empty: it has none
  std::uint64_t size = 0;   ///< bytes: of integers, floats, pointers, structures, unions, enums
  TypeId target = 0;        ///< pointed to, named, qualified, returned; an array's element
  std::uint64_t count = 0;  ///< an array's elements, 0 where they are not said
  bool is_signed = false;   ///< integers and enumerations
  bool is_bool = false;
  bool is_char = false;
  bool is_variadic = false;      ///< functions
  std::uint32_t bits = 0;        ///< of an integer that has fewer than its bytes hold, else 0
  std::uint32_t bit_offset = 0;  ///< from its lowest address, where `bits` is set
};

/// A member of a structure or union, or a function's parameter (which has no place).
struct TypeMember {
  std::string_view name;  ///< empty: an anonymous structure or union, or it has none
  TypeId type = 0;
  std::uint64_t bit = 0;       ///< from the start of the structure, in address order
  std::uint32_t bit_size = 0;  ///< of a bit-field, else 0
};

struct TypeEnumerator {
  std::string_view name;
  std::int64_t value = 0;
};

/// The types of one kernel file, module or blob, read as far as the questions need. Every answer is
/// from hostile input: chains may be endless and sizes may be anything. Not thread-safe.
class TypeGraph {
 public:
  virtual ~TypeGraph() = default;
  TypeGraph(const TypeGraph&) = delete;
  TypeGraph& operator=(const TypeGraph&) = delete;

  /// For the user: "BTF in the dump".
  virtual std::string_view origin() const = 0;
  virtual std::endian order() const = 0;
  /// Errors: `corrupt` when there is no such type or its record is broken, what a read says.
  virtual Result<Type> type(TypeId id) = 0;
  /// The members of a structure or union, the parameters of a function, in order, until `visit`
  /// answers false.
  virtual Result<void> members(TypeId id, const std::function<bool(const TypeMember&)>& visit) = 0;
  virtual Result<void> enumerators(TypeId id,
                                   const std::function<bool(const TypeEnumerator&)>& visit) = 0;
  /// The first complete type of that name, without `space` of any. Error: `no_type` when there is
  /// none, else what kept it from being found.
  virtual Result<TypeId> find(std::string_view name, std::optional<TypeName> space) = 0;
  virtual Result<std::int64_t> enumerator(std::string_view name) = 0;
  /// The type of a variable of the kernel. Error: `no_type` where it is not said.
  virtual Result<TypeId> variable(std::string_view name) = 0;

 protected:
  TypeGraph() = default;
};

/// A type and the graph that its number belongs to, which outlives it.
struct TypeRef {
  TypeGraph* graph = nullptr;
  TypeId id = 0;
};

}  // namespace panicroom
