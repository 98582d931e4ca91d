#include "core/kernel/freebsd/vnodes.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace panicroom::freebsd {
namespace {

constexpr std::size_t longest_name = 255, deepest = 512, longest_path = 4096;
constexpr unsigned most_entries = 64;  // of one vnode that are looked at

// enum vtype, VV_ROOT (sys/sys/vnode.h), NCF_ISDOTDOT and NCF_TS (sys/kern/vfs_cache.c).
constexpr std::uint64_t is_block_device = 3, is_character_device = 4;
constexpr std::uint64_t flag_root = 1, entry_is_dotdot = 2, entry_has_times = 4;

std::string joined(std::string_view above, const std::vector<std::string>& names) {
  std::string path(above == "/" ? "" : above);
  for (auto name = names.rbegin(); name != names.rend(); ++name) path += "/" + *name;
  return path.empty() ? "/" : path;
}

}  // namespace

Result<std::uint64_t> Vnodes::entry_of(std::uint64_t vnode) {
  PANICROOM_TRY(head, names_.place(evidence_, vnode));
  PANICROOM_TRY(link, next_.member(evidence_));
  PANICROOM_TRY(first, evidence_.memory().word(head));
  std::uint64_t entry = first;
  for (unsigned count = 0; entry != 0 && count < most_entries && steps_left_ != 0; ++count) {
    --steps_left_;
    PANICROOM_TRY(flags, entry_flags_.read(evidence_, entry));
    if ((flags & entry_is_dotdot) == 0) return entry;
    PANICROOM_TRY(next, evidence_.memory().word(entry + link.offset));
    entry = next;
  }
  return 0;
}

Result<std::string> Vnodes::name_of(std::uint64_t entry) {
  PANICROOM_TRY(size, length_.read(evidence_, entry));
  PANICROOM_TRY(flags, entry_flags_.read(evidence_, entry));
  // Until FreeBSD 11 an entry with times was another structure, which began alike; since, an entry
  // lies within what has the times.
  const bool behind_times = (flags & entry_has_times) != 0 && name_behind_times_.exists(evidence_);
  PANICROOM_TRY(place, (behind_times ? name_behind_times_ : name_).place(evidence_, entry));
  return evidence_.memory().string(
      place, static_cast<std::size_t>(std::min<std::uint64_t>(size, longest_name)));
}

std::optional<std::string> Vnodes::device_name(std::uint64_t device, Notes& notes) {
  return noted(device_name_.text(evidence_, device), notes, "a device's name");
}

Result<std::optional<std::string>> Vnodes::climb(std::uint64_t vnode, Notes& notes) {
  std::vector<std::string> names;
  std::size_t length = 0;
  std::uint64_t at = vnode;
  while (names.size() < deepest && length < longest_path && steps_left_ != 0) {
    --steps_left_;
    PANICROOM_TRY(flags, flags_.read(evidence_, at));
    PANICROOM_TRY(mount, mount_.read(evidence_, at));
    if (names.empty()) {
      PANICROOM_TRY(type, type_.read(evidence_, at));
      if (type == is_character_device || type == is_block_device) {
        PANICROOM_TRY(device, device_.read(evidence_, at));
        auto name = device == 0 ? std::nullopt : device_name(device, notes);
        if (!name) return std::optional<std::string>();
        std::string above = "/dev";
        if (mount != 0) {
          PANICROOM_TRY(on, mounted_on_.text(evidence_, mount));
          above = std::move(on);
        }
        return std::optional(joined(above, {std::move(*name)}));
      }
    }
    if ((flags & flag_root) != 0 && mount != 0) {
      PANICROOM_TRY(on, mounted_on_.text(evidence_, mount));
      return std::optional(joined(on, names));
    }
    PANICROOM_TRY(entry, entry_of(at));
    if (entry == 0)
      return fail_at_address(ErrorCode::not_in_dump, at,
                             names.empty() ? "the kernel's name cache has no name for it"
                                           : "the kernel's name cache has no name for a directory "
                                             "above it");
    PANICROOM_TRY(name, name_of(entry));
    length += name.size() + 1;
    names.push_back(std::move(name));
    PANICROOM_TRY(parent, parent_.read(evidence_, entry));
    at = parent;
  }
  return fail_at_address(ErrorCode::corrupt, vnode, "its way up has no end");
}

std::optional<std::string> Vnodes::path(std::uint64_t vnode, Notes& notes) {
  auto found = climb(vnode, notes);
  if (found) return std::move(*found);
  notes.add(found.error().within("the path of a file"));
  return std::nullopt;
}

std::optional<std::string> Vnodes::type(std::uint64_t vnode, Notes& notes) {
  constexpr std::array<std::string_view, 8> names = {
      "", "file", "directory", "block device", "character device", "link", "socket", "pipe"};
  const auto type = noted(type_.read(evidence_, vnode), notes, "what kind of file a vnode is");
  if (!type || *type == 0 || *type >= names.size()) return std::nullopt;
  return std::string(names[static_cast<std::size_t>(*type)]);
}

std::optional<std::uint64_t> Vnodes::inode(std::uint64_t vnode, Notes& notes) {
  constexpr std::string_view what = "a file's inode";
  const auto mount = noted(mount_.read(evidence_, vnode), notes, what);
  const auto data = noted(data_.read(evidence_, vnode), notes, what);
  if (!mount || !data || *mount == 0 || *data == 0) return std::nullopt;
  const auto system = noted(file_system_.text(evidence_, *mount), notes, what);
  const Field* number = system == "ufs"     ? &ufs_number_
                        : system == "tmpfs" ? &tmpfs_number_
                                            : nullptr;
  if (!number || !number->exists(evidence_)) return std::nullopt;
  return noted(number->read(evidence_, *data), notes, what);
}

}  // namespace panicroom::freebsd
