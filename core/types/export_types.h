#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/types/type_catalog.h"

namespace panicroom {

/// The structures that the engine's own tables and stacks ask for, of every system that it reads; a
/// kernel has some of them.
std::span<const std::string_view> types_of_tables();

struct ExportedTypes {
  std::vector<std::byte> file;  ///< a whole ELF file
  std::size_t types = 0;
};

/// Writes the types of these names, and all that they reach, as BTF (Linux,
/// include/uapi/linux/btf.h) in section .BTF of an ELF file for `machine`, with `build_id`
/// (hexadecimal, may be empty) as its NT_GNU_BUILD_ID. Equal types of DWARF's units become one,
/// others of one name stay apart, and what a unit only declares is taken from where it is complete.
/// Errors: `no_type` for a name that is unknown, `unsupported` for what BTF cannot hold (a
/// bit-field beyond 2 MiB), `corrupt` for types without end, those of a read.
Result<ExportedTypes> export_types(const TypeCatalog& catalog, std::span<const std::string> names,
                                   const Machine& machine, std::string_view build_id);

}  // namespace panicroom
