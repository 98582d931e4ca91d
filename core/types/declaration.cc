#include "core/types/declaration.h"

#include <fmt/format.h>

namespace panicroom {

namespace {

// Far beyond any kernel's declarations.
constexpr unsigned kChainLimit = 64;
constexpr unsigned kNestingLimit = 8;  // functions that take functions
constexpr std::size_t kLengthLimit = 16384;

Failure endless() { return fail(ErrorCode::corrupt, "a type's declaration has no end"); }

class Declarator {
 public:
  explicit Declarator(unsigned depth) : depth_(depth) {}

  Result<std::string> declare(TypeRef ref, std::string inner) {
    for (unsigned i = 0; i < kChainLimit; ++i) {
      if (inner.size() > kLengthLimit) return endless();
      PANICROOM_TRY(type, ref.graph->type(ref.id));
      switch (type.kind) {
        case TypeKind::const_:
          qualify("const");
          break;
        case TypeKind::volatile_:
          qualify("volatile");
          break;
        case TypeKind::restrict_:
          qualify("restrict");
          break;
        case TypeKind::attribute:
          break;
        case TypeKind::pointer: {
          const std::string qualifiers = take_qualifiers();
          const bool blank = !qualifiers.empty() && !inner.empty();
          inner.insert(0, fmt::format("*{}{}", qualifiers, blank ? " " : ""));
          break;
        }
        case TypeKind::array:
          if (inner.starts_with('*')) inner = fmt::format("({})", inner);
          inner += type.count == 0 ? "[]" : fmt::format("[{}]", type.count);
          break;
        case TypeKind::function: {
          if (inner.starts_with('*')) inner = fmt::format("({})", inner);
          PANICROOM_TRY(list, parameters(ref, type));
          inner += "(" + list + ")";
          break;
        }
        default: {
          std::string base = take_qualifiers();
          if (!base.empty()) base += ' ';
          base += name_of(type);
          return inner.empty() ? base : fmt::format("{} {}", base, inner);
        }
      }
      ref.id = type.target;
    }
    return endless();
  }

 private:
  void qualify(std::string_view word) {
    qualifiers_ += (qualifiers_.empty() ? "" : " ") + std::string(word);
  }
  std::string take_qualifiers() { return std::exchange(qualifiers_, {}); }

  static std::string name_of(const Type& type) {
    switch (type.kind) {
      case TypeKind::void_:
        return "void";
      case TypeKind::structure:
        return tagged(TypeName::structure, type.name);
      case TypeKind::union_:
        return tagged(TypeName::union_, type.name);
      case TypeKind::enumeration:
        return tagged(TypeName::enumeration, type.name);
      case TypeKind::forward:
        return tagged(type.name_space, type.name);
      default:
        return type.name.empty() ? "?" : std::string(type.name);
    }
  }
  static std::string tagged(TypeName space, std::string_view name) {
    return fmt::format("{} {}", keyword(space), name.empty() ? "{...}" : name);
  }

  Result<std::string> parameters(TypeRef ref, const Type& function) const {
    if (depth_ == kNestingLimit) return endless();
    std::string list;
    std::optional<Error> stopped;
    const auto read = ref.graph->members(ref.id, [&](const TypeMember& parameter) {
      auto text =
          Declarator(depth_ + 1).declare({ref.graph, parameter.type}, std::string(parameter.name));
      if (!text || list.size() > kLengthLimit) {
        stopped = text ? endless().value() : text.error();
        return false;
      }
      list += (list.empty() ? "" : ", ") + *text;
      return true;
    });
    if (stopped) return Failure(*stopped);
    if (!read) return Failure(read.error());
    if (function.is_variadic) return list + (list.empty() ? "..." : ", ...");
    return list.empty() ? "void" : list;
  }

  unsigned depth_;
  std::string qualifiers_;  // of what comes next
};

}  // namespace

std::string_view keyword(TypeName space) {
  switch (space) {
    case TypeName::structure:
      return "struct";
    case TypeName::union_:
      return "union";
    case TypeName::enumeration:
      return "enum";
    case TypeName::ordinary:
      break;
  }
  return "";
}

Result<std::string> declaration(TypeRef type, std::string_view name) {
  return Declarator(0).declare(type, std::string(name));
}

}  // namespace panicroom
