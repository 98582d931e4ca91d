#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/foundry/description.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// Puts what hangs off an OpenBSD kernel's processes into the image: credentials, files, vnodes
/// with their name cache, sockets, address spaces. (OpenBSD sys/sys, sys/uvm, sys/kern/vfs_cache.c,
/// sys/netinet.)
class OpenBsdObjects {
 public:
  /// `vnode_pages`: address of uvm_vnodeops.
  OpenBsdObjects(Description& description, const KernelLayout& layout, Heap& heap,
                 std::uint64_t vnode_pages);

  void mounts(std::uint64_t head);
  void process(ProcessText& process);
  /// `type`: v_type. Directories above it are made too.
  std::uint64_t vnode(const std::string& path, unsigned type);
  /// Writes a member, if this layout has it.
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value);
  void set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                const std::string& text);
  bool has(std::string_view structure, std::string_view path) const {
    return layout_.find(structure, path) != nullptr;
  }
  /// One that the layout does not know has bytes that mean nothing.
  std::uint64_t make(const std::string& structure) {
    return heap_.take(layout_.sizes().contains(structure) ? layout_.size(structure) : 256);
  }
  std::uint64_t string(const std::string& text);

 private:
  std::uint64_t process_of(std::int64_t pid) const;
  std::uint64_t mount_of(const std::string& path) const;
  std::uint64_t group_of(const ProcessText& process);
  void identity(ProcessText& process);
  void space(ProcessText& process);
  std::uint64_t object_of(const MappingText& mapping);
  void strings(const ProcessText& process);
  void files(ProcessText& process);
  std::uint64_t file(DescriptorText& open);
  std::uint64_t socket(DescriptorText& open);
  std::uint64_t internet(const DescriptorText& open);
  std::uint64_t unix_domain(const DescriptorText& open);

  Description& description_;
  Image& image_;
  const KernelLayout& layout_;
  Heap& heap_;
  unsigned word_;
  std::uint64_t vnode_pages_;
  std::map<std::string, std::uint64_t> vnodes_, protocols_;
  std::map<std::int64_t, std::uint64_t> groups_, sessions_;
  std::uint64_t generation_ = 100;  ///< of vnodes
};

}  // namespace foundry
