#pragma once

#include <cstdint>
#include <optional>

#include "core/kernel/field.h"
#include "core/kernel/netbsd/evidence.h"
#include "core/kernel/netbsd/vnodes.h"

namespace panicroom::netbsd {

/// Reads the parts of a process's address space: the list of vm_map_entries (sys/uvm/uvm_map.h).
class MappingsReader {
 public:
  MappingsReader(Evidence& evidence, Vnodes& vnodes);

  /// Of the struct proc at `process.address`, by ascending address. False when `visit` was.
  bool read(const Process& process, const Visitor<Mapping>& visit, Notes& notes);

 private:
  struct Stack {
    std::uint64_t low = 0, high = 0;
  };
  Mapping read_entry(std::uint64_t entry, const Stack& stack, Notes& notes);
  /// The file that an entry's object is; 0 where it is none.
  std::uint64_t vnode_of(std::uint64_t object, Notes& notes);
  Stack stack_of(std::uint64_t space, Notes& notes);

  Evidence& evidence_;
  Vnodes& vnodes_;
  std::uint64_t left_;  // entries that may still be read
  std::optional<std::uint64_t> vnode_pager_;
  Field space_{"proc", "p_vmspace"}, header_{"vmspace", "vm_map.header"},
      count_{"vmspace", "vm_map.nentries"}, stack_low_{"vmspace", "vm_maxsaddr"},
      stack_high_{"vmspace", "vm_minsaddr"};
  Field next_{"vm_map_entry", "next"}, start_{"vm_map_entry", "start"}, end_{"vm_map_entry", "end"},
      object_{"vm_map_entry", "object.uvm_obj"}, offset_{"vm_map_entry", "offset"},
      type_{"vm_map_entry", "etype"}, protection_{"vm_map_entry", "protection"},
      inheritance_{"vm_map_entry", "inheritance"};
  Field pager_{"uvm_object", "pgops"};
};

}  // namespace panicroom::netbsd
