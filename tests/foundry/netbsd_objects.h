#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/foundry/description.h"
#include "tests/foundry/heap.h"
#include "tests/foundry/kernel_layout.h"

namespace foundry {

/// Puts a NetBSD kernel's objects into the image: what hangs off its processes and lwps, and
/// variables with symbols of their own. (NetBSD sys/sys, sys/uvm, sys/kern.)
class NetBsdObjects {
 public:
  NetBsdObjects(Description& description, const KernelLayout& layout, Heap& heap);

  void process(ProcessText& process);
  /// `cpus`: addresses of the struct cpu_infos, by number. `idle`: it is that of a processor.
  void lwp(ThreadText& thread, const ProcessText& process, const std::vector<std::uint64_t>& cpus,
           bool idle);
  /// `type`: v_type. Directories above it are made too.
  std::uint64_t vnode(const std::string& path, unsigned type);
  std::uint64_t mount(const MachineText::Mounted& mounted);

  std::uint64_t make(const std::string& structure) { return heap_.take(layout_.size(structure)); }
  bool has(std::string_view structure, std::string_view path) const {
    return layout_.find(structure, path) != nullptr;
  }
  /// Writes a member, if this layout has it.
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value);
  void set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                const std::string& text);
  std::uint64_t string(const std::string& text);
  /// A variable with a symbol.
  std::uint64_t place(const std::string& name, std::uint64_t size);
  void number(const std::string& name, std::uint64_t value, unsigned width);
  /// A list of sys/queue.h: its head and each element's link; `last` is what the last one has.
  void link(std::uint64_t head, std::string_view structure, std::string_view path,
            const std::vector<std::uint64_t>& objects, std::uint64_t last = 0);

 private:
  std::uint64_t process_of(std::int64_t pid) const;
  std::uint64_t mount_of(const std::string& path);
  std::uint64_t group_of(const ProcessText& process);
  void identity(ProcessText& process);
  void times(std::uint64_t object, std::string_view structure, std::string_view member,
             std::uint64_t ticks);
  void space(ProcessText& process);
  void maps(ProcessText& process);
  void strings(const ProcessText& process);
  void files(ProcessText& process);
  std::uint64_t file(DescriptorText& open);
  std::uint64_t socket(DescriptorText& open);

  Description& description_;
  Image& image_;
  const KernelLayout& layout_;
  Heap& heap_;
  unsigned word_;
  std::map<std::string, std::uint64_t> vnodes_, mounts_, protocols_;
  std::map<std::int64_t, std::uint64_t> groups_, sessions_;
};

}  // namespace foundry
