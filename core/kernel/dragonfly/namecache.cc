#include "core/kernel/dragonfly/namecache.h"

#include <array>
#include <string_view>
#include <vector>

namespace panicroom::dragonfly {
namespace {

constexpr std::size_t longest_path = 1024;  // MAXPATHLEN
constexpr unsigned deepest = 512;
constexpr std::size_t most_kept = 65536;
constexpr std::uint64_t flag_destroyed = 0x0400;  // NCF_DESTROYED, sys/sys/namecache.h

// enum vtype, sys/sys/vfscache.h.
constexpr std::array<std::string_view, 8> vnode_types = {
    "", "file", "directory", "block device", "character device", "link", "socket", "pipe"};
constexpr std::uint64_t regular = 1;

}  // namespace

NameCache::NameCache(Evidence& evidence)
    : evidence_(evidence), steps_left_(most_objects(evidence, 64)) {
  const auto root = evidence.address_of("rootnch");
  if (!root) return;
  const auto entry = root_entry_.read(evidence, *root), mount = root_mount_.read(evidence, *root);
  if (entry && mount && *entry != 0) root_ = NamePlace{*entry, *mount};
}

std::optional<NamePlace> NameCache::place(const Field& entry, const Field& mount,
                                          std::uint64_t object, std::string_view what,
                                          Notes& notes) {
  const auto at = noted(entry.read(evidence_, object), notes, what);
  const auto in = noted(mount.read(evidence_, object), notes, what);
  if (!at || !in || *at == 0) return std::nullopt;
  return NamePlace{*at, *in};
}

Result<std::string> NameCache::name_of(std::uint64_t entry) {
  PANICROOM_TRY(length, length_.read(evidence_, entry));
  PANICROOM_TRY(text, name_.read(evidence_, entry));
  if (length == 0) return std::string();
  std::string name(static_cast<std::size_t>(length & 0xff), '\0');
  PANICROOM_CHECK(evidence_.memory().read(
      text, MutableBytes(reinterpret_cast<std::byte*>(name.data()), name.size())));
  return name;
}

Result<std::string> NameCache::climb(NamePlace at) {
  std::vector<std::string> names;
  std::size_t length = 0;
  for (unsigned step = 0; step < deepest && length <= longest_path && steps_left_ != 0; ++step) {
    --steps_left_;
    const bool is_root = root_ && at.entry == root_->entry && at.mount == root_->mount;
    std::uint64_t mounted_on = 0;
    bool is_top = is_root;
    if (!is_root && at.mount != 0) {
      PANICROOM_TRY(top, top_.read(evidence_, at.mount));
      is_top = top == at.entry;
      if (is_top) {
        PANICROOM_TRY(on, on_entry_.read(evidence_, at.mount));
        mounted_on = on;
      }
    }
    if (is_top && mounted_on == 0) {
      std::string path;
      for (auto name = names.rbegin(); name != names.rend(); ++name) path += "/" + *name;
      return path.empty() ? "/" : path;
    }
    if (is_top) {
      PANICROOM_TRY(mount, on_mount_.read(evidence_, at.mount));
      at = {mounted_on, mount};
      continue;
    }
    PANICROOM_TRY(name, name_of(at.entry));
    length += name.size() + 1;
    names.push_back(std::move(name));
    PANICROOM_TRY(parent, parent_.read(evidence_, at.entry));
    if (parent == 0)
      return fail_at_address(ErrorCode::not_in_dump, at.entry,
                             "the name cache does not lead to the root from here");
    at.entry = parent;
  }
  return fail_at_address(ErrorCode::corrupt, at.entry, "the way up to the root has no end");
}

std::optional<std::string> NameCache::path(const NamePlace& place, Notes& notes) {
  if (place.entry == 0) return std::nullopt;
  const auto key = std::pair(place.entry, place.mount);
  const auto kept = known_.find(key);
  if (kept != known_.end()) return noted(kept->second, notes, "a file's path");
  auto path = climb(place);
  if (known_.size() < most_kept) known_.emplace(key, path);
  return noted(std::move(path), notes, "a file's path");
}

std::optional<std::string> NameCache::path_of_vnode(std::uint64_t vnode, Notes& notes) {
  constexpr std::string_view what = "a file's path";
  const auto head = noted(names_.place(evidence_, vnode), notes, what);
  if (!head) return std::nullopt;
  const auto entry = noted(evidence_.memory().word(*head), notes, what);
  const auto mount = noted(mount_.read(evidence_, vnode), notes, what);
  if (!entry || !mount) return std::nullopt;
  return path({*entry, *mount}, notes);
}

std::optional<bool> NameCache::removed(const NamePlace& place, Notes& notes) {
  const auto flags = noted(flags_.read(evidence_, place.entry), notes, "a file's name");
  return flags ? std::optional((*flags & flag_destroyed) != 0) : std::nullopt;
}

std::optional<std::string> NameCache::type_of_vnode(std::uint64_t vnode, Notes& notes) {
  const auto type = noted(type_.read(evidence_, vnode), notes, "a file's type");
  if (!type || *type >= vnode_types.size() || *type == 0) return std::nullopt;
  return std::string(vnode_types[static_cast<std::size_t>(*type)]);
}

std::optional<std::uint64_t> NameCache::size_of_vnode(std::uint64_t vnode, Notes& notes) {
  const auto type = type_.read(evidence_, vnode);
  if (!type || *type != regular) return std::nullopt;
  const auto size = noted(size_.read_signed(evidence_, vnode), notes, "a file's size");
  // NOOFFSET, -1: the file system did not say it yet.
  return size && *size >= 0 ? std::optional(static_cast<std::uint64_t>(*size)) : std::nullopt;
}

std::optional<std::string> NameCache::device_name(std::uint64_t device, Notes& notes) {
  return noted(device_name_.text(evidence_, device), notes, "a device's name");
}

}  // namespace panicroom::dragonfly
