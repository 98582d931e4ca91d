#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/dwarf_units.h"
#include "core/types/name_index.h"
#include "core/types/type_graph.h"

namespace panicroom {

/// DWARF 2 to 5 of a kernel file or its debug file, of C. A type's number is its entry's offset in
/// .debug_info; an array of several dimensions is one entry, the dimension is in the number's top
/// bits. Names are found in one pass over the units' outermost entries that goes no further than
/// asked. Types that stand in other files or in units of their own (-gsplit-dwarf, dwz,
/// -fdebug-types-section) are known by name alone.
class DwarfGraph final : public TypeGraph {
 public:
  /// Errors: `no_type` (no unit).
  static Result<std::shared_ptr<DwarfGraph>> open(DwarfSections sections, std::uint8_t pointer_size,
                                                  std::string origin);

  std::string_view origin() const override { return origin_; }
  std::endian order() const override { return units_.order(); }
  Result<Type> type(TypeId id) override;
  Result<void> members(TypeId id, const std::function<bool(const TypeMember&)>& visit) override;
  Result<void> enumerators(TypeId id,
                           const std::function<bool(const TypeEnumerator&)>& visit) override;
  Result<TypeId> find(std::string_view name, std::optional<TypeName> space) override;
  Result<std::int64_t> enumerator(std::string_view name) override;
  Result<TypeId> variable(std::string_view name) override;

 private:
  using Unit = DwarfUnits::Unit;
  /// What the pass met in its latest step.
  struct Met {
    std::string_view name;
    std::optional<TypeName> space;  ///< of a complete type
    bool is_variable = false;
    std::uint64_t offset = 0;
  };

  DwarfGraph(DwarfSections sections, std::uint8_t pointer_size, std::string origin)
      : units_(std::move(sections)), pointer_size_(pointer_size), origin_(std::move(origin)) {}

  bool advance();
  bool next_unit();
  void remember(const DwarfEntry& entry);
  bool skip_unit(const Error& why);
  Result<DwarfEntry> entry(TypeId id, const Unit** unit);
  /// The entries directly within `parent`, until `visit` answers false.
  Result<void> children(const Unit& unit, const DwarfEntry& parent,
                        const std::function<bool(const DwarfEntry&)>& visit);
  Result<Type> read_type(TypeId id);
  Result<void> array(TypeId id, const Unit& unit, const DwarfEntry& entry, Type& type);
  Result<void> enumeration(const Unit& unit, const DwarfEntry& entry, Type& type);
  Result<TypeMember> member(const DwarfEntry& entry);
  Failure missing(std::string_view what, std::string_view name) const;
  std::optional<TypeId> known(std::string_view name, std::optional<TypeName> space);

  DwarfUnits units_;
  std::uint8_t pointer_size_;
  std::string origin_;
  // Where the pass stands: before `at_` in the unit before `next_unit_`.
  std::size_t next_unit_ = 0;
  const Unit* unit_ = nullptr;
  std::uint64_t at_ = 0;
  bool done_ = false;
  Met met_;
  std::optional<Error> unread_;                    // why a part of the units could not be read
  std::array<NameIndex<TypeId>, 4> names_;         // by TypeName
  NameIndex<std::uint64_t> variables_, declared_;  // by entry; the second of those declared alone
  std::vector<std::uint64_t> enumerations_;
  std::size_t enumerated_ = 0;
  NameIndex<std::int64_t> enumerators_;
  std::size_t compact_at_ = 0;  // names: when the indexes are next made smaller
  struct Cached {
    TypeId id = 0;
    Type type;
  };
  std::vector<Cached> cache_;
  std::uint64_t passed_over_ = 0;  // entries between those that were asked for
};

}  // namespace panicroom
