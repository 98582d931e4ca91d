#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/kernel/dragonfly/evidence.h"
#include "core/kernel/field.h"

namespace panicroom::dragonfly {

/// A place in the name cache: struct nchandle.
struct NamePlace {
  std::uint64_t entry = 0;  ///< struct namecache
  std::uint64_t mount = 0;  ///< struct mount that it is seen through
};

/// Paths of files by the kernel's name cache, whose entries lead up to the root of their file
/// system, and its mounts, which lead on. (DragonFly sys/kern/vfs_cache.c, cache_fullpath.)
class NameCache {
 public:
  explicit NameCache(Evidence& evidence);

  /// The handle in two fields of `object`.
  std::optional<NamePlace> place(const Field& entry, const Field& mount, std::uint64_t object,
                                 std::string_view what, Notes& notes);
  /// Nothing where the place is null, and with a note where the way up cannot be read.
  std::optional<std::string> path(const NamePlace& place, Notes& notes);
  /// By any name that the cache has for it.
  std::optional<std::string> path_of_vnode(std::uint64_t vnode, Notes& notes);
  /// Its name was removed.
  std::optional<bool> removed(const NamePlace& place, Notes& notes);
  /// "file", "directory", "character device" ...
  std::optional<std::string> type_of_vnode(std::uint64_t vnode, Notes& notes);
  std::optional<std::uint64_t> size_of_vnode(std::uint64_t vnode, Notes& notes);
  /// The name of a struct cdev.
  std::optional<std::string> device_name(std::uint64_t device, Notes& notes);

 private:
  Result<std::string> climb(NamePlace place);
  Result<std::string> name_of(std::uint64_t entry);

  Evidence& evidence_;
  std::uint64_t steps_left_;
  std::optional<NamePlace> root_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Result<std::string>> known_;

  Field parent_{"namecache", "nc_parent"}, flags_{"namecache", "nc_flag"},
      length_{"namecache", "nc_nlen"}, name_{"namecache", "nc_name"};
  Field top_{"mount", "mnt_ncmountpt.ncp"}, on_entry_{"mount", "mnt_ncmounton.ncp"},
      on_mount_{"mount", "mnt_ncmounton.mount"};
  Field names_{"vnode", "v_namecache"}, mount_{"vnode", "v_mount"}, type_{"vnode", "v_type"},
      size_{"vnode", "v_filesize"};
  Field root_entry_{"nchandle", "ncp"}, root_mount_{"nchandle", "mount"},
      device_name_{"cdev", "si_name"};
};

}  // namespace panicroom::dragonfly
