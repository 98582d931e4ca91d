#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// Reads vnodes: what they are and what they are called.
class Vnodes {
 public:
  explicit Vnodes(Evidence& evidence) : evidence_(evidence) {}

  /// The way from the root of the system to a vnode, by the kernel's name cache (sys/kern/
  /// vfs_cache.c) and the mount points. Nothing, with a note, where the cache has lost a part of
  /// it.
  std::optional<std::string> path(std::uint64_t vnode, Notes& notes);
  /// "file", "directory", "character device", "block device", "link", "socket", "pipe".
  std::optional<std::string> type(std::uint64_t vnode, Notes& notes);

 private:
  /// The entry that names a vnode in its directory; 0 where the cache has none.
  Result<std::uint64_t> entry_of(std::uint64_t vnode);
  Result<std::string> name_of(std::uint64_t entry);
  Result<std::string> climb(std::uint64_t vnode);

  Evidence& evidence_;
  std::uint64_t steps_left_ = std::uint64_t{1} << 22;  // of all paths and their entries
  Field type_{"vnode", "v_type"}, flags_{"vnode", "v_vflag"}, mount_{"vnode", "v_mount"};
  // The list of entries that lead to a vnode: behind the vnode since NetBSD 8.
  Field names_{"vnode_impl", {"vi_nc_list", "vi_nclist"}}, older_names_{"vnode", "v_nclist"},
      next_{"namecache", {"nc_list", "nc_vlist"}};
  Field parent_{"namecache", "nc_dvp"}, name_{"namecache", "nc_name"},
      length_{"namecache", "nc_nlen"}, key_{"namecache", "nc_key"};
  Field mounted_on_{"mount", "mnt_stat.f_mntonname"};
};

}  // namespace panicroom::netbsd
