#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/kernel/linux/evidence.h"
#include "core/stack/unwind.h"
#include "core/symbols/symbol_table.h"

namespace panicroom::linux_kernel {

/// A loaded module.
struct Module {
  std::uint64_t address = 0;         ///< of its struct module
  std::string name;                  ///< raw bytes
  AddressRange text;                 ///< its code
  std::vector<AddressRange> memory;  ///< its code and data
  AddressRange per_cpu;              ///< what its symbols of per-CPU variables say; may be empty
  std::optional<OrcTables> orc;
};

/// The modules that were loaded, by the addresses of their memory.
class Modules {
 public:
  Modules() = default;
  explicit Modules(std::vector<Module> modules);

  std::span<const Module> all() const { return modules_; }
  /// The module whose code or data holds `address`, or null.
  const Module* at(std::uint64_t address) const;

 private:
  struct Part {
    AddressRange range;
    std::size_t module = 0;
  };
  std::vector<Module> modules_;
  std::vector<Part> parts_;  // by their start
};

/// What cannot be read is left out and gets a note.
Result<Modules> read_modules(Evidence& evidence, Notes& notes);

/// The kernel's symbols together with those of its modules. Answers `kernel` itself when there are
/// no modules. `modules` outlives the table. A module whose symbols cannot be read gets a note.
std::shared_ptr<const SymbolTable> with_modules(Evidence& evidence,
                                                std::shared_ptr<const SymbolTable> kernel,
                                                const Modules& modules, Notes& notes);

}  // namespace panicroom::linux_kernel
