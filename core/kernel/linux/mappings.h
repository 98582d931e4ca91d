#pragma once

#include <cstdint>
#include <functional>

#include "core/kernel/linux/field.h"
#include "core/kernel/linux/paths.h"
#include "core/kernel/linux/trees.h"

namespace panicroom::linux_kernel {

/// Reads the parts of a process's address space: a maple tree since Linux 6.1 (lib/maple_tree.c), a
/// list before.
class MappingsReader {
 public:
  MappingsReader(Evidence& evidence, Paths& paths);

  /// Of the task at `task`, by ascending address. False when `visit` was.
  bool read(std::uint64_t task, const Process& process, const Visitor<Mapping>& visit,
            Notes& notes);

 private:
  bool areas(std::uint64_t mm, const VisitEntry& visit, Notes& notes);
  Mapping read_area(std::uint64_t mm, std::uint64_t area, Notes& notes);
  void name_anonymous(std::uint64_t mm, std::uint64_t area, Mapping& mapping);

  Evidence& evidence_;
  Paths& paths_;
  MapleTree tree_;
  std::uint64_t areas_left_;  // that may still be read
  Field mm_{"task_struct", "mm"}, tree_root_{"mm_struct", "mm_mt.ma_root"},
      first_{"mm_struct", "mmap"}, next_{"vm_area_struct", "vm_next"};
  Field start_{"vm_area_struct", "vm_start"}, end_{"vm_area_struct", "vm_end"},
      flags_{"vm_area_struct", {"vm_flags", "__vm_flags"}}, page_{"vm_area_struct", "vm_pgoff"},
      file_{"vm_area_struct", "vm_file"}, operations_{"vm_area_struct", "vm_ops"},
      private_{"vm_area_struct", "vm_private_data"}, own_name_{"vm_area_struct", "anon_name"};
  Field own_name_text_{"anon_vma_name", "name"}, special_name_{"vm_special_mapping", "name"},
      operations_name_{"vm_operations_struct", "name"};
  Field heap_start_{"mm_struct", "start_brk"}, heap_end_{"mm_struct", "brk"},
      stack_start_{"mm_struct", "start_stack"};
  Field path_{"file", "f_path"}, inode_{"file", "f_inode"}, number_{"inode", "i_ino"},
      super_{"inode", "i_sb"}, device_{"super_block", "s_dev"};
};

}  // namespace panicroom::linux_kernel
