#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"
#include "core/kernel/freebsd/vnodes.h"

namespace panicroom::freebsd {

/// Reads the parts of a process's address space: a list of vm_map_entries until FreeBSD 12, since
/// then a tree whose empty branches lead to the neighbours (sys/vm/vm_map.h).
class MappingsReader {
 public:
  MappingsReader(Evidence& evidence, Vnodes& vnodes);

  /// Of the struct proc at `process.address`, by ascending address. False when `visit` was.
  bool read(const Process& process, const Visitor<Mapping>& visit, Notes& notes);

 private:
  using VisitEntry = std::function<bool(std::uint64_t entry)>;
  /// `count`: how many there should be.
  bool entries(std::uint64_t header, std::optional<std::uint64_t> count, const VisitEntry& visit,
               Notes& notes);
  Result<std::uint64_t> after(std::uint64_t entry);
  Mapping read_entry(std::uint64_t entry, Notes& notes);
  void read_object(std::uint64_t object, Mapping& mapping, Notes& notes);
  /// The file whose pages an object holds; nothing for memory of no file, 0 where a file's is gone.
  std::optional<std::uint64_t> vnode_of(std::uint64_t object, Notes& notes);
  std::optional<std::uint64_t> tmpfs_vnode_of(std::uint64_t object, Notes& notes);
  std::optional<std::uint64_t> tmpfs_type();

  Evidence& evidence_;
  Vnodes& vnodes_;
  std::uint64_t left_;                                 // entries that may still be read
  std::uint64_t steps_left_ = std::uint64_t{1} << 24;  // of all processes' trees and objects
  Field space_{"proc", "p_vmspace"}, header_{"vmspace", "vm_map.header"},
      count_{"vmspace", "vm_map.nentries"};
  Field next_{"vm_map_entry", "next"}, left_child_{"vm_map_entry", "left"},
      right_child_{"vm_map_entry", "right"}, start_{"vm_map_entry", "start"},
      end_{"vm_map_entry", "end"}, object_{"vm_map_entry", "object.vm_object"},
      offset_{"vm_map_entry", "offset"}, flags_{"vm_map_entry", "eflags"},
      protection_{"vm_map_entry", "protection"}, inheritance_{"vm_map_entry", "inheritance"};
  Field object_type_{"vm_object", "type"}, handle_{"vm_object", "handle"},
      behind_{"vm_object", "backing_object"}, behind_offset_{"vm_object", "backing_object_offset"};
  Field object_flags_{"vm_object", "flags"}, tmpfs_vnode_{"vm_object", "un_pager.swp.swp_tmpfs"},
      tmpfs_private_{"vm_object", "un_pager.swp.swp_priv"}, node_vnode_{"tmpfs_node", "tn_vnode"},
      vnode_object_{"vnode", "v_bufobj.bo_object"};
  std::optional<std::optional<std::uint64_t>> tmpfs_type_;
};

}  // namespace panicroom::freebsd
