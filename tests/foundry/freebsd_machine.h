#pragma once

#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/freebsd_objects.h"
#include "tests/foundry/heap.h"

namespace foundry {

/// Puts what belongs to a FreeBSD machine as a whole into the image: modules, mounts, processors,
/// load, swap, memory, the allocator's zones, interrupts, sysctl variables. (FreeBSD sys/sys,
/// sys/vm, sys/kern.) Threads have their addresses.
class FreeBsdMachine {
 public:
  FreeBsdMachine(Description& description, const KernelLayout& layout, Heap& heap,
                 FreeBsdObjects& objects, std::uint64_t cpus);

  void build();
  /// A variable of which each network stack has its own, in that of the host.
  std::uint64_t place_of_network(const std::string& name, std::uint64_t size);

 private:
  std::uint64_t make(const std::string& structure) { return heap_.take(layout_.size(structure)); }
  bool has(std::string_view structure, std::string_view path) const {
    return layout_.find(structure, path) != nullptr;
  }
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value) {
    objects_.set(object, structure, path, value);
  }
  void set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                const std::string& text);
  std::uint64_t place(const std::string& name, std::uint64_t size);
  void number(const std::string& name, std::uint64_t value, unsigned width);
  std::uint64_t string(const std::string& text);
  /// Links the objects: the head at `head` names the first, each one's `path` the next.
  void link(std::uint64_t head, std::string_view structure, std::string_view path,
            const std::vector<std::uint64_t>& objects);
  std::uint64_t counter(std::uint64_t value);

  void processors();
  void modules();
  void symbols(const MachineText::Module& module);
  void sections(const MachineText::Module& module);
  void mounts();
  void load();
  void swap();
  void memory();
  void zones();
  std::uint64_t keg(const MachineText::Zone& zone);
  void fill(MachineText::Zone& zone);
  void interrupts();
  void sysctls();
  void own_variables();
  void set_of(const std::string& name, std::uint64_t linked, std::uint64_t size);
  std::uint64_t variable(MachineText::Variable& text);
  void children(std::uint64_t head, const std::vector<std::uint64_t>& variables);

  Description& description_;
  Image& image_;
  const KernelLayout& layout_;
  Heap& heap_;
  FreeBsdObjects& objects_;
  std::uint64_t cpus_;
  unsigned word_;
  std::uint64_t share_ = 0, next_in_share_ = 0;  ///< of counters: a page of each processor
  std::uint64_t share_base_ = 0;                 ///< taken off addresses that zones gave out
  std::uint64_t in_network_area_ = 0, network_area_ = 0,
                network_stack_ = 0;  ///< the variables, what is added to find one
  std::map<std::string, std::uint64_t> handlers_;
};

}  // namespace foundry
