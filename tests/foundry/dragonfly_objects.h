#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/foundry/description.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// What a DragonFly kernel's objects are made with: members, names, mounts. (DragonFly sys/sys,
/// sys/kern/vfs_cache.c.)
class DragonFlyMaker {
 public:
  DragonFlyMaker(Description& description, const KernelLayout& layout, Heap& heap);

  Image& image() { return image_; }
  const KernelLayout& layout() const { return layout_; }
  std::uint64_t make(const std::string& structure) { return heap_.take(layout_.size(structure)); }
  std::uint64_t take(std::uint64_t size) { return heap_.take(size); }
  bool has(std::string_view structure, std::string_view path) const {
    return layout_.find(structure, path) != nullptr;
  }
  std::uint64_t place(std::uint64_t object, std::string_view structure,
                      std::string_view path) const {
    return object + layout_.offset(structure, path);
  }
  /// Writes a member, if this layout has it.
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value);
  void set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                const std::string& text);
  std::uint64_t string(const std::string& text);
  /// A variable of the kernel.
  std::uint64_t variable(const std::string& name, std::uint64_t size);
  void number(const std::string& name, std::uint64_t value, unsigned width);
  /// Links objects into a list: the head names the first, each one's `path` the next.
  void link(std::uint64_t head, std::string_view structure, std::string_view path,
            const std::vector<std::uint64_t>& objects);
  /// A balanced tree of objects in order; `path` is that of the links' common structure.
  void tree(std::uint64_t head, std::string_view structure, const std::string& path,
            const std::vector<std::uint64_t>& objects);

  /// The mounts of the description, of which one is at "/", on mountlist, and rootnch.
  void mounts();
  /// Struct namecache and struct mount of a path; those above it are made too.
  std::pair<std::uint64_t, std::uint64_t> name(const std::string& path);
  void set_name(std::uint64_t object, std::string_view structure, const std::string& path,
                const std::string& file);
  /// `type`: enum vtype.
  std::uint64_t vnode(const std::string& path, unsigned type);
  std::uint64_t device(const std::string& name);

 private:
  MachineText::Mounted& mount_of(const std::string& path);

  Description& description_;
  Image& image_;
  const KernelLayout& layout_;
  Heap& heap_;
  std::map<std::string, std::uint64_t> names_, vnodes_, devices_;
};

/// Puts what hangs off a DragonFly kernel's processes into the image: credentials, files with their
/// names, sockets, maps.
class DragonFlyProcesses {
 public:
  explicit DragonFlyProcesses(DragonFlyMaker& maker) : maker_(maker) {}

  /// `boot`: when the kernel began, seconds since 1970.
  void fill(ProcessText& process, std::uint64_t boot);

 private:
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value) {
    maker_.set(object, structure, path, value);
  }
  std::uint64_t group_of(const ProcessText& process);
  void identity(ProcessText& process, std::uint64_t boot);
  void space(ProcessText& process);
  std::uint64_t entry(const MappingText& mapping);
  void strings(ProcessText& process);
  void files(ProcessText& process);
  std::uint64_t file(DescriptorText& open);
  std::uint64_t socket(DescriptorText& open);
  std::uint64_t internet(const DescriptorText& open);
  std::uint64_t unix_domain(const std::string& path);

  DragonFlyMaker& maker_;
  std::map<std::int64_t, std::uint64_t> groups_, sessions_, prisons_;
  std::map<std::string, std::uint64_t> protocols_, terminals_;
};

}  // namespace foundry
