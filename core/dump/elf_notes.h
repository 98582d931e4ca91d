#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/dump/dump.h"

namespace panicroom {

/// Bytes of notes that are read from a dump at most; what comes later is left out with a remark.
inline constexpr std::uint64_t max_notes_size = 32U << 20;
/// Bytes of VMCOREINFO at most; kernels have a page of it (Linux, VMCOREINFO_BYTES).
inline constexpr std::uint64_t max_vmcoreinfo_size = 1U << 20;

/// The notes in `bytes`, which begin at `offset` of the file. Notes that cannot be whole end the
/// list: `intact` is cleared then.
std::vector<ElfNote> parse_elf_notes(Bytes bytes, std::endian order, std::uint64_t offset,
                                     bool& intact);

/// Fills what notes tell of a dump: `vmcoreinfo` (unless it is known already; one that is too long
/// gets a remark) and `cpus`. Machine must be set; an unknown architecture is recognised by the
/// size of NT_PRSTATUS.
void interpret_notes(Dump& dump);

/// Fills what VMCOREINFO repeats of the header where the header was silent: release, time, page
/// size.
void interpret_vmcoreinfo(Dump& dump);

}  // namespace panicroom
