#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/kernel.h"

namespace panicroom::freebsd {

/// A loaded module: the kernel itself is none.
struct Module {
  std::uint64_t address = 0;  ///< of its struct linker_file
  std::string name;           ///< raw bytes
  std::uint64_t start = 0, end = 0;
};

/// The modules by the addresses of their memory.
class Modules {
 public:
  Modules() = default;
  explicit Modules(std::vector<Module> modules);

  const std::vector<Module>& all() const { return modules_; }
  /// The module whose memory holds `address`, or null.
  const Module* at(std::uint64_t address) const;

 private:
  std::vector<Module> modules_;  // by their start
};

Result<Modules> read_modules(Evidence& evidence, Notes& notes);

/// The kernel file's symbols with those that the kernel keeps of its modules (struct elf_file of
/// sys/kern/link_elf_obj.c on amd64, of link_elf.c elsewhere). `modules` outlives the table.
std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const Modules& modules, Notes& notes);

}  // namespace panicroom::freebsd
