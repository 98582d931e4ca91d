#include "core/kernel/linux/mounts.h"

#include <array>
#include <utility>
#include <vector>

#include "core/kernel/flag_names.h"
#include "core/kernel/linux/files.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t size_of_mount = 256;  // bytes, at least
constexpr std::size_t longest_text = 4096;

// Linux include/linux/mount.h (MNT_*) and fs.h (SB_*), in the order of /proc/mounts.
constexpr std::uint64_t mount_read_only = 0x40, super_read_only = 1;
constexpr std::array super_names = {FlagName{16, "sync"}, FlagName{128, "dirsync"},
                                    FlagName{64, "mand"}, FlagName{1 << 25, "lazytime"}};
constexpr std::array mount_names = {FlagName{1, "nosuid"},        FlagName{2, "nodev"},
                                    FlagName{4, "noexec"},        FlagName{8, "noatime"},
                                    FlagName{0x10, "nodiratime"}, FlagName{0x20, "relatime"},
                                    FlagName{0x80, "nosymfollow"}};

std::string option_names(std::uint64_t mount, std::uint64_t super) {
  std::string names =
      (mount & mount_read_only) != 0 || (super & super_read_only) != 0 ? "ro" : "rw";
  for (const std::string& more :
       {names_of(super, super_names, ","), names_of(mount, mount_names, ",")})
    if (!more.empty()) names.append(",").append(more);
  return names;
}

}  // namespace

MountsReader::MountsReader(Evidence& evidence, Paths& paths)
    : evidence_(evidence), paths_(paths), mounts_left_(most_objects(evidence, size_of_mount)) {}

std::uint64_t MountsReader::namespace_of(std::uint64_t task, Notes& notes) {
  const auto proxy = noted(proxy_.read(evidence_, task), notes, "a process's mount namespace");
  if (!proxy || *proxy == 0) return 0;
  return noted(namespace_.read(evidence_, *proxy), notes, "a process's mount namespace")
      .value_or(0);
}

std::optional<std::string> MountsReader::pointed_text(const Field& field, std::uint64_t address,
                                                      Notes& notes) {
  const auto at = noted(field.read(evidence_, address), notes, "a mounted file system");
  if (!at || *at == 0) return std::nullopt;
  return noted(evidence_.memory().string(*at, longest_text), notes, "a mounted file system");
}

Mount MountsReader::read_mount(std::uint64_t mount, Notes& notes) {
  constexpr std::string_view what = "a mounted file system";
  Mount found;
  found.address = mount;
  if (const auto id = noted(id_.read_signed(evidence_, mount), notes, what)) found.id = *id;
  if (const auto parent = noted(parent_.read(evidence_, mount), notes, what))
    if (const auto id = noted(id_.read_signed(evidence_, *parent), notes, what)) found.parent = *id;
  found.source = pointed_text(source_, mount, notes);
  const auto inner = noted(inner_.place(evidence_, mount), notes, what);
  if (!inner) return found;
  const auto root = noted(root_.read(evidence_, *inner), notes, what);
  if (root) {
    if (const auto path = paths_.of_mount(mount, notes))
      found.path = path->text.empty() ? "/" : path->text;
    // The way from the file system's own root to the directory that is mounted.
    if (const auto path = paths_.within(*root, notes)) found.root = path->text;
  }
  const auto super = noted(super_.read(evidence_, *inner), notes, what);
  if (!super || *super == 0) return found;
  if (const auto device = noted(device_.read(evidence_, *super), notes, what))
    found.device = device_text(*device);
  const auto flags = noted(flags_.read(evidence_, *inner), notes, what);
  const auto super_flags = noted(super_flags_.read(evidence_, *super), notes, what);
  if (flags && super_flags) found.options = option_names(*flags, *super_flags);
  if (const auto type = noted(type_.read(evidence_, *super), notes, what))
    found.type = pointed_text(type_name_, *type, notes);
  if (found.type && subtype_.exists(evidence_))
    if (const auto subtype = pointed_text(subtype_, *super, notes)) *found.type += "." + *subtype;
  return found;
}

bool MountsReader::read(std::uint64_t mount_namespace, const Visitor<Mount>& visit, Notes& notes) {
  constexpr std::string_view what = "a namespace's list of mounts";
  const auto inode = noted(inode_.read(evidence_, mount_namespace), notes, what);
  bool go_on = true;
  const auto show = [&](std::uint64_t mount) {
    if (mounts_left_ == 0) {
      notes.add(
          Note{ErrorCode::corrupt, "there are more mounts than the memory can hold", std::nullopt});
      return go_on = false;
    }
    --mounts_left_;
    Mount found = read_mount(mount, notes);
    if (inode) found.mount_namespace = static_cast<std::int64_t>(*inode);
    return go_on = visit(found);
  };
  if (!tree_.exists(evidence_) || !node_.exists(evidence_)) {
    const auto head = noted(list_.place(evidence_, mount_namespace), notes, what);
    const auto link = noted(link_.member(evidence_), notes, what);
    if (head && link)
      for_each_entry(evidence_, *head, link->offset, mounts_left_, what, notes, [&](auto mount) {
        // The list's cursors (Linux 5.8 to 6.7) are mounts without a file system.
        const auto inner = inner_.place(evidence_, mount);
        const auto super =
            inner ? super_.read(evidence_, *inner) : Result<std::uint64_t>(Failure(inner.error()));
        return (super && *super == 0) || show(mount);
      });
    return go_on;
  }
  // A red-black tree since Linux 6.8: its nodes from left to right.
  const auto offset = noted(node_.member(evidence_), notes, what);
  auto at = noted(tree_.read(evidence_, mount_namespace), notes, what);
  std::vector<std::uint64_t> above;
  while (offset && at && go_on && (*at != 0 || !above.empty())) {
    if (above.size() > 64) {
      notes.add(Note{ErrorCode::corrupt, "a namespace's tree of mounts cannot be true", *at});
      break;
    }
    if (*at != 0) {
      above.push_back(*at);
      at = noted(left_.read(evidence_, *at), notes, what);
      continue;
    }
    const std::uint64_t node = above.back();
    above.pop_back();
    if (!show(node - offset->offset)) break;
    at = noted(right_.read(evidence_, node), notes, what);
  }
  return go_on;
}

}  // namespace panicroom::linux_kernel
