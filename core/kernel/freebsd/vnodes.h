#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"

namespace panicroom::freebsd {

/// Reads vnodes: what they are and what they are called.
class Vnodes {
 public:
  explicit Vnodes(Evidence& evidence) : evidence_(evidence) {}

  /// The way from the root of the system to a vnode, by the kernel's name cache (sys/kern/
  /// vfs_cache.c) and the mount points; a device by its own name. Nothing, with a note, where the
  /// cache has lost a part of it.
  std::optional<std::string> path(std::uint64_t vnode, Notes& notes);
  /// "file", "directory", "character device", "block device", "link", "socket", "pipe".
  std::optional<std::string> type(std::uint64_t vnode, Notes& notes);
  /// The name of the struct cdev at `device`.
  std::optional<std::string> device_name(std::uint64_t device, Notes& notes);
  /// Its number within the file system, where that keeps it in memory.
  std::optional<std::uint64_t> inode(std::uint64_t vnode, Notes& notes);

 private:
  /// The entry that names a vnode in its directory; 0 where the cache has none.
  Result<std::uint64_t> entry_of(std::uint64_t vnode);
  /// The name in an entry.
  Result<std::string> name_of(std::uint64_t entry);
  Result<std::optional<std::string>> climb(std::uint64_t vnode, Notes& notes);

  Evidence& evidence_;
  std::uint64_t steps_left_ = std::uint64_t{1} << 22;  // of all paths and their entries
  Field type_{"vnode", "v_type"}, flags_{"vnode", "v_vflag"}, mount_{"vnode", "v_mount"},
      device_{"vnode", {"v_rdev", "v_un.vu_cdev"}}, names_{"vnode", "v_cache_dst"},
      data_{"vnode", "v_data"};
  Field next_{"namecache", "nc_dst"}, parent_{"namecache", "nc_dvp"},
      entry_flags_{"namecache", "nc_flag"}, length_{"namecache", "nc_nlen"},
      name_{"namecache", "nc_name"}, name_behind_times_{"namecache_ts", "nc_name"};
  Field mounted_on_{"mount", "mnt_stat.f_mntonname"},
      file_system_{"mount", "mnt_stat.f_fstypename"};
  Field device_name_{"cdev", {"si_name", "__si_namebuf"}};
  Field ufs_number_{"inode", "i_number"}, tmpfs_number_{"tmpfs_node", "tn_id"};
};

}  // namespace panicroom::freebsd
