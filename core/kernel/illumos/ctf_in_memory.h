#pragma once

#include <memory>
#include <string>

#include "core/kernel/illumos/module_list.h"
#include "core/types/ctf_graph.h"

namespace panicroom::illumos {

/// The CTF that the dead kernel keeps of one of its modules, read as far as the questions need
/// (whole where it is compressed), with the module's own symbol table for the types of variables.
/// `structures` outlives the graph. Errors: `no_type`, `corrupt`, `unsupported`, those of a read.
Result<std::shared_ptr<CtfGraph>> read_module_ctf(Structures& structures,
                                                  const ModuleRecord& module,
                                                  std::shared_ptr<CtfGraph> parent);

}  // namespace panicroom::illumos
