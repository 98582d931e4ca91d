#pragma once

#include "core/kernel/linux/field.h"
#include "core/kernel/linux/paths.h"

namespace panicroom::linux_kernel {

/// Reads what is mounted in a mount namespace.
class MountsReader {
 public:
  MountsReader(Evidence& evidence, Paths& paths);

  /// The mount namespace of the task at `task`; 0 when it has none.
  std::uint64_t namespace_of(std::uint64_t task, Notes& notes);
  /// In the order in which they were mounted. False when `visit` was.
  bool read(std::uint64_t mount_namespace, const Visitor<Mount>& visit, Notes& notes);

 private:
  Mount read_mount(std::uint64_t mount, Notes& notes);
  std::optional<std::string> pointed_text(const Field& field, std::uint64_t address, Notes& notes);

  Evidence& evidence_;
  Paths& paths_;
  std::uint64_t mounts_left_;  // that may still be read
  Field proxy_{"task_struct", "nsproxy"}, namespace_{"nsproxy", "mnt_ns"},
      inode_{"mnt_namespace", "ns.inum"}, list_{"mnt_namespace", "list"},
      tree_{"mnt_namespace", "mounts"};
  Field link_{"mount", "mnt_list"}, node_{"mount", "mnt_node"}, id_{"mount", "mnt_id"},
      parent_{"mount", "mnt_parent"}, source_{"mount", "mnt_devname"}, inner_{"mount", "mnt"};
  Field root_{"vfsmount", "mnt_root"}, super_{"vfsmount", "mnt_sb"},
      flags_{"vfsmount", "mnt_flags"};
  Field device_{"super_block", "s_dev"}, super_flags_{"super_block", "s_flags"},
      type_{"super_block", "s_type"}, subtype_{"super_block", "s_subtype"},
      type_name_{"file_system_type", "name"};
  Field left_{"rb_node", "rb_left"}, right_{"rb_node", "rb_right"};
};

}  // namespace panicroom::linux_kernel
