#pragma once

#include <cstdint>
#include <optional>

#include "core/kernel/dragonfly/namecache.h"

namespace panicroom::dragonfly {

/// Reads a process's address space: a red-black tree of struct vm_map_entries. What an entry shows
/// is a chain of struct vm_map_backings since 5.6, of struct vm_objects before; the file, if there
/// is one, is the last's.
class MappingsReader {
 public:
  MappingsReader(Evidence& evidence, NameCache& names);

  /// False when `visit` was.
  bool read(const Process& process, const Visitor<Mapping>& visit, Notes& notes);

 private:
  struct Shown {
    std::uint64_t object = 0;  ///< struct vm_object; 0 where there is none
    std::optional<std::uint64_t> offset;
  };
  Mapping read_entry(std::uint64_t entry, Notes& notes);
  Result<Shown> shown_by_backings(std::uint64_t entry);
  Result<Shown> shown_by_objects(std::uint64_t entry);

  Evidence& evidence_;
  NameCache& names_;
  std::uint64_t left_;                                  // entries that may still be read
  std::uint64_t steps_left_ = std::uint64_t{1} << 22U;  // down chains of copies
  Field space_{"proc", "p_vmspace"}, root_{"vmspace", "vm_map.rb_root"},
      count_{"vmspace", "vm_map.nentries"};
  Field left_child_{"vm_map_entry", "rb_entry.rbe_left"},
      right_child_{"vm_map_entry", "rb_entry.rbe_right"},
      start_{"vm_map_entry", {"ba.start", "start"}}, end_{"vm_map_entry", {"ba.end", "end"}},
      protection_{"vm_map_entry", "protection"}, inheritance_{"vm_map_entry", "inheritance"},
      flags_{"vm_map_entry", "eflags"}, kind_{"vm_map_entry", "maptype"},
      backing_{"vm_map_entry", "ba"}, object_{"vm_map_entry", "object"},
      offset_{"vm_map_entry", "offset"};
  Field behind_{"vm_map_backing", "backing_ba"}, backing_object_{"vm_map_backing", "object"},
      backing_offset_{"vm_map_backing", "offset"};
  Field object_type_{"vm_object", "type"}, handle_{"vm_object", "handle"},
      object_behind_{"vm_object", "backing_object"},
      object_behind_offset_{"vm_object", "backing_object_offset"};
};

}  // namespace panicroom::dragonfly
