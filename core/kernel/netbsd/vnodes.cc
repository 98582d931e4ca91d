#include "core/kernel/netbsd/vnodes.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace panicroom::netbsd {
namespace {

constexpr std::size_t longest_name = 255, deepest = 512, longest_path = 4096;
constexpr unsigned most_entries = 64;  // of one vnode that are looked at

constexpr std::uint64_t flag_root = 1;       // VV_ROOT, sys/sys/vnode.h
constexpr std::uint64_t key_length = 0x7ff;  // NC_NLEN_MASK, sys/sys/namei.h

std::string joined(std::string_view above, const std::vector<std::string>& names) {
  std::string path(above == "/" ? "" : above);
  for (auto name = names.rbegin(); name != names.rend(); ++name) path += "/" + *name;
  return path.empty() ? "/" : path;
}

}  // namespace

Result<std::string> Vnodes::name_of(std::uint64_t entry) {
  // The length is a member of its own, or since NetBSD 10 the lowest bits of the search key. A name
  // may be longer than the member that it begins in.
  std::uint64_t length = 0;
  if (key_.exists(evidence_)) {
    PANICROOM_TRY(key, key_.read(evidence_, entry));
    length = key & key_length;
  } else {
    PANICROOM_TRY(told, length_.read(evidence_, entry));
    length = told;
  }
  PANICROOM_TRY(place, name_.place(evidence_, entry));
  return evidence_.memory().string(
      place, static_cast<std::size_t>(std::min<std::uint64_t>(length, longest_name)));
}

Result<std::uint64_t> Vnodes::entry_of(std::uint64_t vnode) {
  const Field& names = names_.exists(evidence_) ? names_ : older_names_;
  PANICROOM_TRY(head, names.place(evidence_, vnode));
  PANICROOM_TRY(link, next_.member(evidence_));
  PANICROOM_TRY(first, evidence_.memory().word(head));
  std::uint64_t entry = first;
  for (unsigned count = 0; entry != 0 && count < most_entries && steps_left_ != 0; ++count) {
    --steps_left_;
    PANICROOM_TRY(name, name_of(entry));
    if (name != ".." && name != ".") return entry;
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
    if ((flags & flag_root) != 0) {
      PANICROOM_TRY(mount, mount_.read(evidence_, at));
      if (mount != 0) {
        PANICROOM_TRY(on, mounted_on_.text(evidence_, mount));
        return joined(on, names);
      }
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
  return noted(climb(vnode), notes, "the path of a file");
}

std::optional<std::string> Vnodes::type(std::uint64_t vnode, Notes& notes) {
  // enum vtype, sys/sys/vnode.h.
  constexpr std::array<std::string_view, 8> names = {
      "", "file", "directory", "block device", "character device", "link", "socket", "pipe"};
  const auto type = noted(type_.read(evidence_, vnode), notes, "what kind of file a vnode is");
  if (!type || *type == 0 || *type >= names.size()) return std::nullopt;
  return std::string(names[static_cast<std::size_t>(*type)]);
}

}  // namespace panicroom::netbsd
