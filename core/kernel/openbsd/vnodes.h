#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// Reads vnodes: what they are and what they are called.
class Vnodes {
 public:
  explicit Vnodes(Evidence& evidence) : evidence_(evidence) {}

  /// The way from the root of the system to a vnode, by the kernel's name cache (sys/kern/
  /// vfs_cache.c) and the mount points. Nothing, with a note, where the cache has lost a part of
  /// it; it never has names of over 31 characters.
  std::optional<std::string> path(std::uint64_t vnode, Notes& notes);
  /// "file", "directory", "character device", "block device", "link", "socket", "pipe".
  std::optional<std::string> type(std::uint64_t vnode, Notes& notes);
  /// Its number within the file system, where that keeps it in memory.
  std::optional<std::uint64_t> inode(std::uint64_t vnode, Notes& notes);
  /// "major:minor" of the device that a device's vnode stands for.
  std::optional<std::string> device(std::uint64_t vnode, Notes& notes);

 private:
  /// The entry that names a vnode in its directory; 0 where the cache has none.
  Result<std::uint64_t> entry_of(std::uint64_t vnode);
  Result<std::string> climb(std::uint64_t vnode);

  Evidence& evidence_;
  std::uint64_t steps_left_ = std::uint64_t{1} << 22;  // of all paths and their entries
  Field type_{"vnode", "v_type"}, flags_{"vnode", "v_flag"}, mount_{"vnode", "v_mount"},
      names_{"vnode", "v_cache_dst"}, generation_{"vnode", "v_id"}, data_{"vnode", "v_data"},
      special_{"vnode", "v_un.vu_specinfo"}, device_{"specinfo", "si_rdev"};
  Field next_{"namecache", "nc_me"}, parent_{"namecache", "nc_dvp"},
      parent_generation_{"namecache", "nc_dvpid"}, length_{"namecache", "nc_nlen"},
      name_{"namecache", "nc_name"};
  Field mounted_on_{"mount", "mnt_stat.f_mntonname"},
      file_system_{"mount", "mnt_stat.f_fstypename"};
  Field ffs_number_{"inode", "i_number"}, tmpfs_number_{"tmpfs_node", "tn_id"};
};

/// "major:minor" of a dev_t (sys/sys/types.h).
std::string device_numbers(std::uint64_t device);

}  // namespace panicroom::openbsd
