#pragma once

#include "tests/foundry/image.h"

namespace foundry {

/// The ELF notes of a Linux dump: NT_PRSTATUS for each processor, QEMU's state (if asked),
/// VMCOREINFO.
Blob elf_notes(const Image& image, bool qemu);
/// One note: name, type, descriptor, padded to 4 bytes.
Blob elf_note(std::string_view name, std::uint32_t type, const Blob& descriptor);

}  // namespace foundry
