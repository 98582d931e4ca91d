#include "core/types/same_types.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace panicroom {
namespace {

constexpr unsigned most_attributes = 64;
constexpr std::size_t most_known = std::size_t{1} << 21;

/// Past remarks that change nothing; nothing where it cannot be read.
std::optional<Type> read(TypeRef& ref) {
  for (unsigned i = 0; i < most_attributes; ++i) {
    if (ref.id == 0) return Type();
    const auto type = ref.graph->type(ref.id);
    if (!type) return std::nullopt;
    if (type->kind != TypeKind::attribute) return *type;
    ref.id = type->target;
  }
  return std::nullopt;
}

bool has_members(const Type& type) {
  return type.kind == TypeKind::structure || type.kind == TypeKind::union_ ||
         type.kind == TypeKind::function;
}

/// Nothing where they cannot be read.
std::optional<std::vector<TypeMember>> members_of(TypeRef ref) {
  std::vector<TypeMember> members;
  const auto read = ref.graph->members(ref.id, [&](const TypeMember& member) {
    members.push_back(member);
    return true;
  });
  return read ? std::optional(std::move(members)) : std::nullopt;
}

std::optional<std::vector<std::pair<std::string, std::int64_t>>> enumerators_of(TypeRef ref) {
  std::vector<std::pair<std::string, std::int64_t>> values;
  const auto read = ref.graph->enumerators(ref.id, [&](const TypeEnumerator& enumerator) {
    values.emplace_back(enumerator.name, enumerator.value);
    return true;
  });
  return read ? std::optional(std::move(values)) : std::nullopt;
}

}  // namespace

bool SameTypes::alike(TypeRef one, TypeRef other, Assumption& assumption) {
  const auto first = read(one), second = read(other);
  if (!first || !second || (one.graph == other.graph && one.id == other.id)) return true;
  if (first->kind == TypeKind::forward || second->kind == TypeKind::forward)
    return first->name == second->name && first->name_space == second->name_space;
  const auto facts = [](const Type& type) {
    return std::tuple(type.kind, type.name_space, type.name, type.size, type.count, type.is_signed,
                      type.is_bool, type.is_char, type.is_variadic, type.bits, type.bit_offset);
  };
  if (facts(*first) != facts(*second)) return false;
  const auto want = [&](TypeId mine, TypeId theirs) {
    if (mine == 0 || theirs == 0) return mine == theirs;
    const Pair pair{one.graph, mine, other.graph, theirs};
    if (!known_.contains(pair) && assumption.pairs.insert(pair).second)
      assumption.open.push_back(pair);
    return true;
  };
  if (!first->name.empty() && has_members(*first))
    assumption.named.emplace_back(one.graph, one.id, other.graph, other.id);
  if (first->kind == TypeKind::enumeration) {
    const auto mine = enumerators_of(one), theirs = enumerators_of(other);
    return !mine || !theirs || *mine == *theirs;
  }
  if (has_members(*first)) {
    const auto mine = members_of(one), theirs = members_of(other);
    if (!mine || !theirs) return true;
    if (mine->size() != theirs->size()) return false;
    left_ -= std::min<std::uint64_t>(left_, mine->size());
    for (std::size_t i = 0; i < mine->size(); ++i) {
      const TypeMember &a = (*mine)[i], &b = (*theirs)[i];
      if (std::tie(a.name, a.bit, a.bit_size) != std::tie(b.name, b.bit, b.bit_size) ||
          !want(a.type, b.type))
        return false;
    }
  }
  return want(first->target, second->target);
}

bool SameTypes::same(TypeRef one, TypeRef other) {
  const Pair asked{one.graph, one.id, other.graph, other.id};
  if (known_.contains(asked)) return true;
  Assumption assumption;
  assumption.pairs.insert(asked);
  assumption.open.push_back(asked);
  while (!assumption.open.empty() && left_ != 0) {
    --left_;
    const auto [graph, id, other_graph, other_id] = assumption.open.back();
    assumption.open.pop_back();
    if (!alike({graph, id}, {other_graph, other_id}, assumption)) return false;
  }
  for (const Pair& pair : assumption.named)
    if (known_.size() < most_known) known_.insert(pair);
  return true;
}

}  // namespace panicroom
