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

/// The layout that an illumos description names, of the structures that `module` keeps types of:
/// "genunix", "unix", "TS", "FX", "FSS"; empty: of all.
KernelLayout illumos_layout(const Description& description, std::string_view module = {});

/// What the parts of an illumos world share: its memory, where members lie and what has a name.
class IllumosParts {
 public:
  explicit IllumosParts(Description& description);

  std::uint64_t make(std::string_view structure) { return heap.take(layout.size(structure)); }
  /// Writes a member, if this layout has it.
  void set(std::uint64_t object, std::string_view structure, std::string_view path,
           std::uint64_t value);
  void set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                const std::string& text);
  std::uint64_t string(const std::string& text);
  /// A variable: its address. Those with an address may be asked for again.
  std::uint64_t place(const std::string& name, std::uint64_t size);
  void number(const std::string& name, std::uint64_t value, unsigned width);
  /// Of a path that is in the file system of the longest mount above it.
  std::uint64_t vnode(const std::string& path, const std::string& type);
  std::uint64_t symbol(const std::string& name) const;
  /// The symbol that holds a program counter; empty where none does.
  std::string function_at(std::uint64_t pc) const;

  Description& description;
  Image& image;
  KernelLayout layout;
  Heap heap;
  unsigned word;

 private:
  /// The vnodeops of device files.
  std::uint64_t special_operations();

  std::map<std::string, std::uint64_t> vnodes_;
  std::uint64_t special_operations_ = 0;
};

/// illumos_machine.cc: modules, mounts, processors, load, swap, memory, the log, what panicsys()
/// left.
void build_illumos_machine(IllumosParts& parts);
void build_illumos_death(IllumosParts& parts);
/// illumos_objects.cc: processes, threads and what they hold. The processors are there.
void build_illumos_processes(IllumosParts& parts);

}  // namespace foundry
