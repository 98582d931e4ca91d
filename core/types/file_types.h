#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/io/byte_source.h"
#include "core/types/btf_graph.h"
#include "core/types/type_catalog.h"

namespace panicroom {

/// The types that kernel files carry: of the first that is a kernel's, with the others, modules
/// among them, behind it. Of one file CTF comes before BTF and that before DWARF. Left out are
/// files of another architecture than `machine`'s and those with types alone of another build than
/// the kernel file's; what could not be read is among the catalog's remarks. Errors: `no_type`,
/// with what to give, when no file carries any; else why none could be read.
Result<std::shared_ptr<const TypeCatalog>> types_of_files(
    const std::vector<std::pair<std::string, SourcePtr>>& files, const Machine& machine);

/// Those that modules' files carry beside their kernel's: DWARF, else BTF that goes on where
/// `kernel`, which the dump carries, ends. Files that cannot be read or are of another architecture
/// are left out.
TypeCatalog::Graphs types_of_modules(const std::vector<std::pair<std::string, SourcePtr>>& files,
                                     const Machine& machine,
                                     const std::shared_ptr<BtfGraph>& kernel);

/// True for a file that carries types (BTF) and no symbols, as `types export` writes it.
bool carries_types_alone(const SourcePtr& file);

}  // namespace panicroom
