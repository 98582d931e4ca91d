#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernel/kernel.h"
#include "core/kernel/kernel_evidence.h"

namespace panicroom {

// FreeBSD's and DragonFly's kernel linker.

/// The kernel and its modules as kldstat(8) lists them: linker_files, in the order of loading.
Result<void> read_linker_files(KernelEvidence& evidence, const Visitor<LoadedModule>& visit,
                               Notes& notes);

/// A loaded module: the kernel itself is none.
struct LinkedModule {
  std::uint64_t address = 0;  ///< of its struct linker_file
  std::string name;           ///< raw bytes
  std::uint64_t start = 0, end = 0;
};

/// The modules by the addresses of their memory.
class LinkedModules {
 public:
  LinkedModules() = default;
  explicit LinkedModules(std::vector<LinkedModule> modules);

  const std::vector<LinkedModule>& all() const { return modules_; }
  /// The module whose memory holds `address`, or null.
  const LinkedModule* at(std::uint64_t address) const;

 private:
  std::vector<LinkedModule> modules_;  // by their start
};

Result<LinkedModules> read_linked_modules(KernelEvidence& evidence, Notes& notes);

}  // namespace panicroom
