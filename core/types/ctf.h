#pragma once

#include <bit>
#include <memory>

#include "core/io/byte_source.h"
#include "core/types/ctf_graph.h"

namespace panicroom {

/// The CTF of a kernel file or module (ELF section .SUNW_ctf), which is read as far as the
/// questions need. Its object section has a type for each symbol of the symbol table that is an
/// object (STT_OBJECT), in order, but for those without a name, undefined ones, absolute ones of
/// value 0, and _START_ and _END_ (illumos, libctf's ctf_open.c; FreeBSD, ddb/db_ctf.c). `parent`
/// is the kernel's, for a module that refers to it. Errors: `no_type` (the file has no CTF),
/// `corrupt`, `unsupported`.
Result<std::shared_ptr<CtfGraph>> read_ctf(const SourcePtr& file,
                                           std::shared_ptr<CtfGraph> parent = nullptr);

/// Those symbols of a symbol table, wherever it was read from, that have an entry in the object
/// section. `wide`: entries of 64-bit files.
CtfInput::Objects ctf_objects(std::shared_ptr<LazyBytes> symbols, std::shared_ptr<LazyBytes> names,
                              std::endian order, bool wide);

}  // namespace panicroom
