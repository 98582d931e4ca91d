#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {

/// What a file is called: the way from the root of its mount namespace, over all mounts (Linux
/// fs/d_path.c), or the name that the kernel gives to what lies in no folder: "pipe:[123]",
/// "/memfd:name".
struct Path {
  std::string text;
  bool deleted = false;  ///< it was removed while it was open
  bool complete = true;  ///< false: the way up broke off, `text` is its end
};

/// Reads paths. Mounts' own ways up are kept.
class Paths {
 public:
  explicit Paths(Evidence& evidence) : evidence_(evidence) {}

  /// Of the struct path at `address`; nothing for one that is empty.
  std::optional<Path> at(std::uint64_t address, Notes& notes);
  std::optional<Path> of(std::uint64_t dentry, std::uint64_t vfsmount, Notes& notes);
  /// Where the struct mount that holds this vfsmount lies.
  Result<std::uint64_t> mount_of(std::uint64_t vfsmount);
  /// The way to a mount's root: "" for the root of its namespace.
  std::optional<Path> of_mount(std::uint64_t mount, Notes& notes);
  /// Within its own file system.
  std::optional<Path> within(std::uint64_t dentry, Notes& notes);
  /// A dentry's own name.
  Result<std::string> name(std::uint64_t dentry);

 private:
  Result<Path> climb(std::uint64_t dentry, std::optional<std::uint64_t> root);
  std::optional<Path> nameless(std::uint64_t dentry, Notes& notes);

  Evidence& evidence_;
  std::uint64_t steps_left_ = std::uint64_t{1} << 24;  // of all paths together
  std::map<std::uint64_t, Path> mounts_;
  Field path_mount_{"path", "mnt"}, path_dentry_{"path", "dentry"};
  Field parent_{"dentry", "d_parent"}, name_{"dentry", {"d_name.name", "__d_name.name"}},
      length_{"dentry", {"d_name.len", "__d_name.len"}}, inode_{"dentry", "d_inode"},
      hashed_{"dentry", "d_hash.pprev"}, dentry_super_{"dentry", "d_sb"};
  Field super_type_{"super_block", "s_type"}, type_name_{"file_system_type", "name"};
  Field number_{"inode", "i_ino"};
  Field mount_root_{"vfsmount", "mnt_root"}, vfsmount_{"mount", "mnt"};
  Field mount_parent_{"mount", "mnt_parent"}, mountpoint_{"mount", "mnt_mountpoint"};
};

}  // namespace panicroom::linux_kernel
