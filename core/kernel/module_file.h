#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"
#include "core/memory/address_space.h"
#include "core/stack/code_files.h"

namespace panicroom {

using NamedFiles = std::vector<std::pair<std::string, SourcePtr>>;

/// Which modules files (foo.ko, foo.ko.debug) are of, as plain_module_name writes it: what a
/// relocatable file's section .modinfo says, else what stands before ".ko" in its name, else the
/// module of another of these files that has the same build id. Nothing for a file of no module.
std::vector<std::optional<std::string>> modules_of_files(const NamedFiles& files);

/// A module's name without ".ko" and with '_' for '-', which is how Linux has it.
std::string plain_module_name(std::string name);

/// Why the file of a module that was not loaded is not used.
Error module_not_loaded(const SourcePtr& file);

/// Where a loaded module lies in the kernel's memory.
struct ModulePlace {
  struct Section {
    std::uint64_t address = 0;
    std::optional<std::uint64_t> size;
  };
  std::uint64_t base = 0;                   ///< of a shared object: of its address 0
  std::map<std::string, Section> sections;  ///< of a relocatable file, by their names
  std::vector<CodeRange> memory;
};

/// Where a module's file has its code, for CodeFiles. Errors: `invalid` (another build of the
/// module, by its sections' sizes or by the build id in `kernel`'s memory), `no_symbol` (no section
/// of a relocatable file was loaded), those of read_elf_sections.
Result<LoadedCode> load_module_file(AddressSpace& kernel, const SourcePtr& file,
                                    const ModulePlace& place);

}  // namespace panicroom
