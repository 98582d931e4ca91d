#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/illumos/evidence.h"

namespace panicroom::illumos {

/// What vnodes say of files. Sources: uts/common/sys/vnode.h, uts/common/fs/vnode.c and
/// uts/common/sys/mkdev.h.
class Vnodes {
 public:
  explicit Vnodes(Evidence& evidence);

  /// The path that the vnode was last looked up by. Nothing where the kernel knows none.
  std::optional<std::string> path(std::uint64_t vnode, Notes& notes);
  /// "file", "directory", "door", ...
  std::optional<std::string> type(std::uint64_t vnode, Notes& notes);
  /// Of the file system that it is in, "major:minor".
  std::optional<std::string> device(std::uint64_t vnode, Notes& notes);
  /// A dev_t of the kernel as "major:minor".
  std::string device_name(std::uint64_t device) const;

 private:
  std::optional<std::string> own_path(std::uint64_t vnode, Notes& notes);

  Evidence& evidence_;
  std::uint64_t special_ = 0;  ///< the vnodeops of device files; 0 where they are not known
  Field type_{"vnode", "v_type"}, path_{"vnode", "v_path"}, file_system_{"vnode", "v_vfsp"},
      operations_{"vnode", "v_op"}, data_{"vnode", "v_data"}, real_{"snode", "s_realvp"},
      device_{"vfs", "vfs_dev"};
};

}  // namespace panicroom::illumos
