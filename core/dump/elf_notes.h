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

/// Notes of a dump at most: 16 for each of the processors of the largest CONFIG_NR_CPUS.
inline constexpr std::size_t max_notes = std::size_t{16} * 8192;

/// Adds the notes in `bytes`, which begin at `offset` of the file, to `notes`. A note that cannot
/// be whole, or one more than `max_notes`, ends the list: false then.
bool parse_elf_notes(Bytes bytes, std::endian order, std::uint64_t offset,
                     std::vector<ElfNote>& notes);

/// The remark on the list of notes at `offset` that `parse_elf_notes` could not read to its end.
Note broken_notes(std::uint64_t offset);

/// Fills what notes tell of a dump: `vmcoreinfo` (unless it is known already; one that is too long
/// gets a remark) and `cpus`. Machine must be set; an unknown architecture is recognised by the
/// size of NT_PRSTATUS.
void interpret_notes(Dump& dump);

/// Fills what VMCOREINFO repeats of the header where the header was silent: release, time, page
/// size.
void interpret_vmcoreinfo(Dump& dump);

}  // namespace panicroom
