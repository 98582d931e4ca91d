#pragma once

#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include "core/types/type_graph.h"

namespace panicroom {

/// Tells whether types that C gives one name in two units are the same: they have the same members
/// of the same types, all the way down. A type that one unit only declares is the same as one of
/// that name; what cannot be read contradicts nothing, and once more was compared than any kernel
/// has nothing does. Not thread-safe.
class SameTypes {
 public:
  bool same(TypeRef one, TypeRef other);

 private:
  using Pair = std::tuple<TypeGraph*, TypeId, TypeGraph*, TypeId>;
  /// One comparison, which assumes that types are the same until something contradicts: structures
  /// point to each other in circles.
  struct Assumption {
    std::set<Pair> pairs;
    std::vector<Pair> open;   ///< of `pairs`, those that were not compared yet
    std::vector<Pair> named;  ///< structures and unions with names: worth remembering
  };
  /// Compares the two alone; what they refer to is assumed.
  bool alike(TypeRef one, TypeRef other, Assumption& assumption);

  std::set<Pair> known_;                         ///< to be the same
  std::uint64_t left_ = std::uint64_t{1} << 26;  ///< types and members that may still be compared
};

}  // namespace panicroom
