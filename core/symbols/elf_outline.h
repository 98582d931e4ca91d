#pragma once

#include <cstddef>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// A valid ELF file of `file`'s headers and of those contents alone that name symbols: symbol
/// tables, their strings, notes. All else (code, debugging information: most of a kernel's hundreds
/// of megabytes) is left out and its sections lead nowhere. Errors: `unsupported` (no ELF; more
/// than 128 MiB of symbols), `corrupt` (headers that leave the file).
Result<std::vector<std::byte>> elf_outline(const ByteSource& file);

}  // namespace panicroom
