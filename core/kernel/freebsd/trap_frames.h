#pragma once

#include <cstdint>
#include <optional>

#include "core/memory/address_space.h"
#include "core/stack/unwind.h"
#include "core/symbols/symbol_table.h"
#include "core/types/type_catalog.h"

namespace panicroom::freebsd {

/// The registers (struct trapframe) that the kernel's entry code saved, of a frame in that code.
/// Which functions those are is told by their names (sys/amd64/amd64/exception.S,
/// sys/i386/i386/exception.S, sys/arm64/arm64/exception.S), the layout by `types`. Nothing when it
/// is no such function or the registers cannot be read.
std::optional<Interrupted> trap_frame_at(AddressSpace& kernel, const SymbolTable& symbols,
                                         const TypeCatalog& types, const Registers& frame,
                                         std::uint64_t lookup_address);

}  // namespace panicroom::freebsd
