#include "core/kernel/linux/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/base/loop_guard.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_components = 2048;  // PATH_MAX / 2
constexpr std::uint64_t longest_name = 255;      // NAME_MAX
constexpr std::uint64_t most_mounts_up = 256;
constexpr std::size_t longest_type = 64;

}  // namespace

Result<std::string> Paths::name(std::uint64_t dentry) {
  PANICROOM_TRY(text, name_.read(evidence_, dentry));
  PANICROOM_TRY(length, length_.read(evidence_, dentry));
  if (length > longest_name)
    return fail_at_address(ErrorCode::corrupt, dentry,
                           fmt::format("a file's name of {} bytes", length));
  std::string bytes(static_cast<std::size_t>(length), '\0');
  PANICROOM_CHECK(evidence_.memory().read(
      text, MutableBytes(reinterpret_cast<std::byte*>(bytes.data()), bytes.size())));
  return bytes;
}

/// From a dentry up to `root`, or to its file system's own; what cannot be read leaves the end of
/// the path.
Result<Path> Paths::climb(std::uint64_t dentry, std::optional<std::uint64_t> root) {
  Path path;
  std::vector<std::string> names;  // from below
  LoopGuard guard(most_components);
  while (dentry != root) {
    const auto parent = parent_.read(evidence_, dentry);
    const bool top = parent && (*parent == dentry || *parent == 0);
    if (top && !root) break;
    const auto own = name(dentry);
    if (!own && names.empty()) return Failure(own.error());
    const bool step = steps_left_ != 0 && guard.step(dentry);
    if (own && !top) names.push_back(*own);
    if (!own || !parent || top || !step) {
      path.complete = false;
      path.text = "...";
      break;
    }
    --steps_left_;
    dentry = *parent;
  }
  for (auto each = names.rbegin(); each != names.rend(); ++each) path.text += "/" + *each;
  return path;
}

Result<std::uint64_t> Paths::mount_of(std::uint64_t vfsmount) {
  PANICROOM_TRY(within, vfsmount_.member(evidence_));
  return vfsmount - within.offset;
}

std::optional<Path> Paths::of_mount(std::uint64_t mount, Notes& notes) {
  if (const auto known = mounts_.find(mount); known != mounts_.end()) return known->second;
  Path path;
  LoopGuard guard(most_mounts_up);
  std::uint64_t at = mount;
  while (true) {
    const auto parent = mount_parent_.read(evidence_, at);
    if (!parent) {
      notes.add(parent.error().within("where a file system is mounted"));
      return std::nullopt;
    }
    if (*parent == at) break;
    const auto point = mountpoint_.read(evidence_, at);
    const auto above = vfsmount_.place(evidence_, *parent);
    if (!point || !above || !guard.step(at)) {
      path.complete = false;
      break;
    }
    const auto root = mount_root_.read(evidence_, *above);
    const auto way = root ? climb(*point, *root) : Result<Path>(Failure(root.error()));
    if (!way) {
      path.complete = false;
      break;
    }
    path.text.insert(0, way->text);
    path.complete = path.complete && way->complete;
    if (!way->complete) break;
    at = *parent;
  }
  return mounts_.emplace(mount, std::move(path)).first->second;
}

/// Linux: a file system's d_dname, told by the file system's name.
std::optional<Path> Paths::nameless(std::uint64_t dentry, Notes& notes) {
  std::string type;
  if (const auto super = dentry_super_.read(evidence_, dentry))
    if (const auto described = super_type_.read(evidence_, *super))
      if (const auto text = type_name_.read(evidence_, *described))
        type = evidence_.memory().string(*text, longest_type).value_or("");
  const auto own = noted(name(dentry), notes, "a file's name");
  if (!own) return std::nullopt;
  Path path;
  if (type == "anon_inodefs") {
    path.text = "anon_inode:" + *own;
  } else if (type == "pipefs" || type == "sockfs" || type == "nsfs") {
    const auto inode = inode_.read(evidence_, dentry);
    const auto number =
        inode ? number_.read(evidence_, *inode) : Result<std::uint64_t>(Failure(inode.error()));
    if (!number) {
      notes.add(number.error().within("a file's inode"));
      return std::nullopt;
    }
    path.text = fmt::format("{}:[{}]",
                            type == "pipefs"   ? "pipe"
                            : type == "sockfs" ? "socket"
                                               : "ns",
                            *number);
  } else {
    path.text = "/" + *own;
    path.deleted = true;
  }
  return path;
}

std::optional<Path> Paths::of(std::uint64_t dentry, std::uint64_t vfsmount, Notes& notes) {
  if (dentry == 0 || vfsmount == 0) return std::nullopt;
  const auto root = noted(mount_root_.read(evidence_, vfsmount), notes, "a file's mount");
  const auto parent = noted(parent_.read(evidence_, dentry), notes, "a file's folder");
  if (!root || !parent) return std::nullopt;
  if (*parent == dentry && dentry != *root) return nameless(dentry, notes);
  const auto way = noted(climb(dentry, *root), notes, "a file's path");
  if (!way) return std::nullopt;
  Path path = *way;
  if (path.complete) {
    const auto mount = noted(mount_of(vfsmount), notes, "a file's mount");
    const auto above = mount ? of_mount(*mount, notes) : std::nullopt;
    if (above) path.text.insert(0, above->text);
    path.complete = above && above->complete;
  }
  if (path.text.empty()) path.text = "/";
  // A dentry that its file system can no longer find by name (d_unhashed) was removed.
  const auto hashed = hashed_.read(evidence_, dentry);
  path.deleted = hashed && *hashed == 0 && *parent != dentry;
  return path;
}

std::optional<Path> Paths::within(std::uint64_t dentry, Notes& notes) {
  auto path = noted(climb(dentry, std::nullopt), notes, "a path");
  if (path && path->text.empty()) path->text = "/";
  return path;
}

std::optional<Path> Paths::at(std::uint64_t address, Notes& notes) {
  const auto mount = noted(path_mount_.read(evidence_, address), notes, "a path");
  const auto dentry = noted(path_dentry_.read(evidence_, address), notes, "a path");
  if (!mount || !dentry) return std::nullopt;
  return of(*dentry, *mount, notes);
}

}  // namespace panicroom::linux_kernel
