#include "core/kernel/openbsd/vnodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace panicroom::openbsd {
namespace {

constexpr std::size_t longest_name = 255, deepest = 512, longest_path = 4096;
constexpr unsigned most_entries = 64;  // of one vnode that are looked at

// enum vtype, VROOT (sys/sys/vnode.h).
constexpr std::uint64_t is_block_device = 3, is_character_device = 4, flag_root = 1;

}  // namespace

std::string device_numbers(std::uint64_t device) {
  const std::uint64_t minor = (device & 0xffU) | (device & 0xffff0000U) >> 8;
  return fmt::format("{}:{}", device >> 8 & 0xffU, minor);
}

/// An entry counts while its directory is still what it was when it was made.
Result<std::uint64_t> Vnodes::entry_of(std::uint64_t vnode) {
  PANICROOM_TRY(head, names_.place(evidence_, vnode));
  PANICROOM_TRY(link, next_.member(evidence_));
  PANICROOM_TRY(first, evidence_.memory().word(head));
  std::uint64_t entry = first;
  for (unsigned count = 0; entry != 0 && count < most_entries && steps_left_ != 0; ++count) {
    --steps_left_;
    PANICROOM_TRY(directory, parent_.read(evidence_, entry));
    if (directory != 0 && directory != vnode) {
      PANICROOM_TRY(then, parent_generation_.read(evidence_, entry));
      const auto now = generation_.read(evidence_, directory);
      if (now && *now == then) return entry;
    }
    PANICROOM_TRY(next, evidence_.memory().word(entry + link.offset));
    entry = next;
  }
  return 0;
}

Result<std::string> Vnodes::climb(std::uint64_t vnode) {
  std::vector<std::string> names;
  std::size_t length = 0;
  std::uint64_t at = vnode;
  while (names.size() < deepest && length < longest_path && steps_left_ != 0) {
    --steps_left_;
    PANICROOM_TRY(flags, flags_.read(evidence_, at));
    PANICROOM_TRY(mount, mount_.read(evidence_, at));
    if ((flags & flag_root) != 0 && mount != 0) {
      PANICROOM_TRY(on, mounted_on_.text(evidence_, mount));
      std::string path = on == "/" && !names.empty() ? "" : on;
      for (auto name = names.rbegin(); name != names.rend(); ++name) path += "/" + *name;
      return path;
    }
    PANICROOM_TRY(entry, entry_of(at));
    if (entry == 0)
      return fail_at_address(ErrorCode::not_in_dump, at,
                             names.empty() ? "the kernel's name cache has no name for it"
                                           : "the kernel's name cache has no name for a directory "
                                             "above it");
    PANICROOM_TRY(size, length_.read(evidence_, entry));
    PANICROOM_TRY(place, name_.place(evidence_, entry));
    PANICROOM_TRY(
        name, evidence_.memory().string(
                  place, static_cast<std::size_t>(std::min<std::uint64_t>(size, longest_name))));
    length += name.size() + 1;
    names.push_back(std::move(name));
    PANICROOM_TRY(parent, parent_.read(evidence_, entry));
    at = parent;
  }
  return fail_at_address(ErrorCode::corrupt, vnode, "its way up has no end");
}

std::optional<std::string> Vnodes::path(std::uint64_t vnode, Notes& notes) {
  return noted(climb(vnode), notes, "the path of a file");
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
  const Field* number = system == "ffs" || system == "ext2fs" ? &ffs_number_
                        : system == "tmpfs"                   ? &tmpfs_number_
                                                              : nullptr;
  if (!number || !number->exists(evidence_)) return std::nullopt;
  return noted(number->read(evidence_, *data), notes, what);
}

std::optional<std::string> Vnodes::device(std::uint64_t vnode, Notes& notes) {
  constexpr std::string_view what = "a device's number";
  const auto type = noted(type_.read(evidence_, vnode), notes, what);
  if (type != is_character_device && type != is_block_device) return std::nullopt;
  const auto special = noted(special_.read(evidence_, vnode), notes, what);
  if (!special || *special == 0) return std::nullopt;
  const auto device = noted(device_.read(evidence_, *special), notes, what);
  if (!device) return std::nullopt;
  return device_numbers(*device);
}

}  // namespace panicroom::openbsd
