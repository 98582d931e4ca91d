#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/heap.h"

namespace foundry {

/// Puts what hangs off a FreeBSD kernel's processes and threads into the image: credentials, files,
/// vnodes with their name cache, sockets, maps, locks. (FreeBSD sys/sys, sys/vm, sys/kern,
/// sys/netinet.)
class FreeBsdObjects {
 public:
  FreeBsdObjects(Description& description, const KernelLayout& layout, Heap& heap);

  void locks();
  void process(ProcessText& process);
  void thread(ThreadText& thread);
  /// `type`: v_type. Directories above it are made too.
  std::uint64_t vnode(const std::string& path, unsigned type);
  std::uint64_t socket(DescriptorText& open);
  /// The lists of all sockets, in variables that `place` gives a name and bytes.
  void socket_lists(
      const std::function<std::uint64_t(const std::string& name, std::uint64_t size)>& place_own,
      const std::function<std::uint64_t(const std::string& name, std::uint64_t size)>& place);
  /// Writes a member, if this layout has it.
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value);

 private:
  std::uint64_t make(const std::string& structure) { return heap_.take(layout_.size(structure)); }
  bool has(std::string_view structure, std::string_view path) const {
    return layout_.find(structure, path) != nullptr;
  }
  void set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                const std::string& text);
  std::uint64_t string(const std::string& text);
  std::uint64_t process_of(std::int64_t pid) const;

  std::uint64_t mount_of(const std::string& path);
  std::uint64_t device(const std::string& name);
  std::uint64_t terminal(const std::string& name);
  std::uint64_t group_of(const ProcessText& process);
  void identity(ProcessText& process);
  void space(ProcessText& process);
  void maps(ProcessText& process);
  void of_tmpfs(std::uint64_t object, const MappingText& mapping);
  void strings(ProcessText& process);
  void files(ProcessText& process);
  std::uint64_t file(DescriptorText& open);
  std::uint64_t internet(const DescriptorText& open);
  void unix_domain(const DescriptorText& open, std::uint64_t socket);
  const LockText& lock_named(const std::string& name) const;

  Description& description_;
  Image& image_;
  const KernelLayout& layout_;
  Heap& heap_;
  unsigned word_;
  std::map<std::string, std::uint64_t> vnodes_, mounts_, devices_, terminals_;
  std::map<std::int64_t, std::uint64_t> groups_, sessions_, prisons_;
  std::map<std::string, std::uint64_t> protocols_, turnstiles_;
  std::map<std::string, std::vector<std::uint64_t>> control_blocks_;  ///< by their list's variable
};

}  // namespace foundry
