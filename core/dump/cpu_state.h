#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/machine.h"
#include "core/dump/dump.h"

namespace panicroom {

/// Which architecture's struct elf_prstatus has this size, or `unknown`.
Architecture architecture_of_prstatus(std::uint64_t size);

/// Linux's struct elf_prstatus; nothing when the architecture is not known here or the note is
/// short.
std::optional<CpuState> decode_prstatus(Bytes descriptor, const Machine& machine);

/// QEMU's note: an x86 processor with its control registers and segment bases.
std::optional<CpuState> decode_qemu_cpu(Bytes descriptor, std::endian order);

/// Adds QEMU's note to the NT_PRSTATUS of the same processor. QEMU writes the processor's number
/// where a kernel writes the process, so the pid is forgotten.
void merge_qemu_cpu(CpuState& cpu, const CpuState& qemu);

}  // namespace panicroom
