#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/types/type_graph.h"

namespace panicroom::test {

/// Types that a test states one by one; number 1 is the first.
class StatedTypes final : public TypeGraph {
 public:
  struct Stated {
    Type type;
    std::vector<TypeMember> members;
    std::vector<TypeEnumerator> enumerators;
  };
  TypeId add(Stated stated) {
    types_.push_back(std::move(stated));
    return types_.size();
  }
  bool endless = false;  ///< every number is a pointer to the next one

  std::string_view origin() const override { return "a test"; }
  std::endian order() const override { return std::endian::little; }
  Result<Type> type(TypeId id) override {
    if (id != 0 && id <= types_.size()) return types_[id - 1].type;
    if (!endless) return fail(ErrorCode::corrupt, "there is no such type");
    Type next;
    next.kind = TypeKind::pointer;
    next.size = 8;
    next.target = id + 1;
    return next;
  }
  Result<void> members(TypeId id, const std::function<bool(const TypeMember&)>& visit) override {
    for (const TypeMember& member : types_[id - 1].members)
      if (!visit(member)) break;
    return {};
  }
  Result<void> enumerators(TypeId id,
                           const std::function<bool(const TypeEnumerator&)>& visit) override {
    for (const TypeEnumerator& enumerator : types_[id - 1].enumerators)
      if (!visit(enumerator)) break;
    return {};
  }
  Result<TypeId> find(std::string_view name, std::optional<TypeName>) override {
    for (std::size_t i = 0; i < types_.size(); ++i)
      if (types_[i].type.name == name && types_[i].type.kind != TypeKind::forward) return i + 1;
    return fail(ErrorCode::no_type, "none");
  }
  Result<std::int64_t> enumerator(std::string_view) override {
    return fail(ErrorCode::no_type, "none");
  }
  Result<TypeId> variable(std::string_view) override { return fail(ErrorCode::no_type, "none"); }

 private:
  std::vector<Stated> types_;
};

inline Type of(TypeKind kind, std::string_view name, std::uint64_t size, TypeId target = 0) {
  Type type;
  type.kind = kind;
  type.name = name;
  type.size = size;
  type.target = target;
  if (kind == TypeKind::structure || kind == TypeKind::forward)
    type.name_space = TypeName::structure;
  return type;
}

}  // namespace panicroom::test
