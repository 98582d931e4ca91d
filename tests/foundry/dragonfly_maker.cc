#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "tests/foundry/dragonfly_objects.h"

namespace foundry {

DragonFlyMaker::DragonFlyMaker(Description& description, const KernelLayout& layout, Heap& heap)
    : description_(description), image_(description.image), layout_(layout), heap_(heap) {}

void DragonFlyMaker::set(std::uint64_t object, std::string_view structure, std::string_view path,
                         std::uint64_t value) {
  const KernelLayout::Member* member = layout_.find(structure, path);
  if (!member) return;
  const auto width = static_cast<unsigned>(std::min<std::uint64_t>(member->size, 8));
  image_.write_virtual(object + member->offset, value, width);
}

void DragonFlyMaker::set_text(std::uint64_t object, std::string_view structure,
                              std::string_view path, const std::string& text) {
  image_.write_virtual(place(object, structure, path), text);
}

std::uint64_t DragonFlyMaker::string(const std::string& text) {
  const std::uint64_t at = heap_.take(text.size() + 1);
  image_.write_virtual(at, text);
  return at;
}

std::uint64_t DragonFlyMaker::variable(const std::string& name, std::uint64_t size) {
  const std::uint64_t at = heap_.take(size);
  image_.symbols.push_back({name, at, size, 'D'});
  return at;
}

void DragonFlyMaker::number(const std::string& name, std::uint64_t value, unsigned width) {
  image_.write_virtual(variable(name, width), value, width);
}

void DragonFlyMaker::link(std::uint64_t head, std::string_view structure, std::string_view path,
                          const std::vector<std::uint64_t>& objects) {
  for (const std::uint64_t object : objects) {
    image_.write_virtual(head, object, 8);
    head = place(object, structure, path);
  }
}

void DragonFlyMaker::tree(std::uint64_t head, std::string_view structure, const std::string& path,
                          const std::vector<std::uint64_t>& objects) {
  const std::string left = path + ".rbe_left", right = path + ".rbe_right";
  const std::function<std::uint64_t(std::size_t, std::size_t)> below =
      [&](std::size_t first, std::size_t end) -> std::uint64_t {
    if (first == end) return 0;
    const std::size_t middle = first + (end - first) / 2;
    set(objects[middle], structure, left, below(first, middle));
    set(objects[middle], structure, right, below(middle + 1, end));
    return objects[middle];
  };
  image_.write_virtual(head, below(0, objects.size()), 8);
}

void DragonFlyMaker::mounts() {
  std::vector<MachineText::Mounted>& all = description_.machine.mounts;
  if (std::none_of(all.begin(), all.end(), [](const auto& one) { return one.path == "/"; }))
    all.insert(all.begin(), {"/dev/ad0", "/", "hammer2", 0, 0, 0});
  // A file system's own root has no name of its own (vfs_cache.c, cache_allocroot).
  std::vector<std::uint64_t> addresses;
  for (MachineText::Mounted& one : all) {
    one.address = make("mount");
    addresses.push_back(one.address);
    const std::uint64_t top = make("namecache");
    names_[one.path] = top;
    set(one.address, "mount", "mnt_ncmountpt.ncp", top);
    set(one.address, "mount", "mnt_ncmountpt.mount", one.address);
    set(one.address, "mount", "mnt_flag", one.flags);
    set(one.address, "mount", "mnt_stat.f_owner", one.owner);
    set_text(one.address, "mount", "mnt_stat.f_mntfromname", one.source);
    set_text(one.address, "mount", "mnt_stat.f_fstypename", one.type);
  }
  for (MachineText::Mounted& one : all) {
    if (one.path == "/") {
      const std::uint64_t root = variable("rootnch", layout_.size("nchandle"));
      set(root, "nchandle", "ncp", names_["/"]);
      set(root, "nchandle", "mount", one.address);
      continue;
    }
    // What it covers is a name of the file system that holds it.
    const std::uint64_t top = std::exchange(names_[one.path], 0);
    names_.erase(one.path);
    const std::string saved = std::exchange(one.path, "/covered");
    const auto [covered, holder] = name(saved);
    one.path = saved;
    names_[saved] = top;
    set(one.address, "mount", "mnt_ncmounton.ncp", covered);
    set(one.address, "mount", "mnt_ncmounton.mount", holder);
  }
  link(variable("mountlist", 16), "mount", "mnt_list", addresses);
}

MachineText::Mounted& DragonFlyMaker::mount_of(const std::string& path) {
  MachineText::Mounted* found = nullptr;
  for (MachineText::Mounted& one : description_.machine.mounts) {
    const bool holds = one.path == "/" || path == one.path || path.starts_with(one.path + "/");
    if (holds && (!found || one.path.size() > found->path.size())) found = &one;
  }
  if (!found) throw std::runtime_error("nothing is mounted at " + path);
  return *found;
}

std::pair<std::uint64_t, std::uint64_t> DragonFlyMaker::name(const std::string& path) {
  const std::uint64_t mount = mount_of(path).address;
  if (const auto known = names_.find(path); known != names_.end()) return {known->second, mount};
  const std::size_t slash = path.rfind('/');
  const auto above = name(slash == 0 ? "/" : path.substr(0, slash));
  const std::string last = path.substr(slash + 1);
  const std::uint64_t entry = make("namecache");
  set(entry, "namecache", "nc_parent", above.first);
  set(entry, "namecache", "nc_nlen", last.size());
  set(entry, "namecache", "nc_name", string(last));
  names_[path] = entry;
  return {entry, mount};
}

void DragonFlyMaker::set_name(std::uint64_t object, std::string_view structure,
                              const std::string& path, const std::string& file) {
  if (file.empty()) return;
  const auto [entry, mount] = name(file);
  set(object, structure, path + ".ncp", entry);
  set(object, structure, path + ".mount", mount);
}

std::uint64_t DragonFlyMaker::vnode(const std::string& path, unsigned type) {
  std::uint64_t& vnode = vnodes_[path];
  if (vnode != 0) return vnode;
  vnode = make("vnode");
  const auto [entry, mount] = name(path);
  set(vnode, "vnode", "v_type", type);
  set(vnode, "vnode", "v_mount", mount);
  set(vnode, "vnode", "v_filesize", path.size() * 100);
  image_.write_virtual(place(vnode, "vnode", "v_namecache"), entry, 8);
  return vnode;
}

std::uint64_t DragonFlyMaker::device(const std::string& name) {
  std::uint64_t& device = devices_[name];
  if (device == 0) {
    device = make("cdev");
    set_text(device, "cdev", "si_name", name);
  }
  return device;
}

}  // namespace foundry
