#pragma once

#include <cstdint>
#include <optional>

#include "core/kernel/field.h"
#include "core/kernel/openbsd/vnodes.h"

namespace panicroom::openbsd {

/// Reads the parts of a process's address space: a red-black tree of struct vm_map_entry by address
/// (sys/uvm/uvm_map.h).
class MappingsReader {
 public:
  MappingsReader(Evidence& evidence, Vnodes& vnodes);

  /// Of the struct process at `process.address`, by ascending address. False when `visit` was.
  bool read(const Process& process, const Visitor<Mapping>& visit, Notes& notes);

 private:
  Mapping read_entry(std::uint64_t entry, std::uint64_t stack_low, std::uint64_t stack_high,
                     Notes& notes);
  void read_object(std::uint64_t object, Mapping& mapping, Notes& notes);

  Evidence& evidence_;
  Vnodes& vnodes_;
  std::uint64_t left_;                        // entries that may still be read
  std::optional<std::uint64_t> vnode_pages_;  // address of uvm_vnodeops
  Field space_{"process", "ps_vmspace"}, root_{"vmspace", "vm_map.addr"},
      size_{"vmspace", "vm_map.size"}, stack_low_{"vmspace", "vm_maxsaddr"},
      stack_high_{"vmspace", "vm_minsaddr"};
  Field below_{"vm_map_entry", "daddrs.addr_entry.rbt_left"},
      above_{"vm_map_entry", "daddrs.addr_entry.rbt_right"}, start_{"vm_map_entry", "start"},
      end_{"vm_map_entry", "end"}, object_{"vm_map_entry", "object.uvm_obj"},
      offset_{"vm_map_entry", "offset"}, type_{"vm_map_entry", "etype"},
      protection_{"vm_map_entry", "protection"}, inheritance_{"vm_map_entry", "inheritance"};
  Field operations_{"uvm_object", "pgops"}, vnode_{"uvm_vnode", "u_vnode"};
};

}  // namespace panicroom::openbsd
