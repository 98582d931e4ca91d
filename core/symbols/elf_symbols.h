#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/machine.h"
#include "core/io/byte_source.h"
#include "core/symbols/symbol_table.h"

namespace panicroom {

/// What a kernel file (vmlinux, /boot/kernel/kernel, a debug file) says of itself and its symbols.
struct KernelFile {
  Machine machine;
  std::string build_id;  ///< lower-case hex of NT_GNU_BUILD_ID; empty if there is none
  std::shared_ptr<const SymbolTable> symbols;
  std::optional<Note> remark;  ///< what of the symbols is not as the file has it
};

/// Reads .symtab, or .dynsym where that is all there is, through libelf. `slide` is added to every
/// address that lies in the kernel's image (KASLR: run-time minus link-time). Names stay where the
/// file has them; of one with over 1,024 bytes the first 1,024 are taken, with a remark. Errors:
/// `unsupported` (no ELF, no symbols), `corrupt` (also names of over 64 MiB together).
Result<KernelFile> read_kernel_file(const SourcePtr& file, std::uint64_t slide = 0);

}  // namespace panicroom
